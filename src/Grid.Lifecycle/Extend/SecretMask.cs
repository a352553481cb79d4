using System.Buffers;
using System.Text;
using Grid.Sandbox;

namespace Grid.Lifecycle.Extend;

/// <summary>
/// Passes output on with the values of secrets replaced by <c>***</c>, also where one is cut over several pieces. Of a value with several lines each line that is long enough
/// is masked too. What is no plain text of a value (another encoding, a part of it, one half on each stream) passes.
/// </summary>
/// <remarks>What could be the beginning of a value is held until more comes, so <see cref="Flush"/> belongs at the end.</remarks>
public sealed class SecretMask : IProcessOutput
{
    /// <summary>Shorter values, in bytes, are not masked: they would be found in all kinds of words, and be told by where the stars are.</summary>
    public const int MinLength = 4;

    /// <summary>Shorter lines, in bytes, of a value that has several are masked only as part of the whole value.</summary>
    public const int MinLineLength = 8;

    private static readonly byte[] Stars = "***"u8.ToArray();
    private static readonly byte[] Blanks = " \t\r\n"u8.ToArray();
    private readonly IProcessOutput _next;
    private readonly byte[][] _values;
    private readonly SearchValues<byte> _first;
    private readonly Held _output = new(), _error = new();

    /// <param name="next">Takes what is left.</param>
    /// <param name="secrets">Values as they were given; blanks and line ends around them do not count.</param>
    public SecretMask(IProcessOutput next, IEnumerable<byte[]> secrets)
    {
        _next = next;
        // The longest first: the whole value before its lines.
        _values = [.. secrets.SelectMany(Values).DistinctBy(Convert.ToHexString).OrderByDescending(value => value.Length)];
        _first = SearchValues.Create([.. _values.Select(value => value[0]).Distinct()]);
    }

    /// <summary>Whether a value is so short that it is not masked.</summary>
    public static bool IsTooShort(byte[] secret) => secret.AsSpan().Trim(Blanks).Length < MinLength;

    public void Write(ReadOnlySpan<byte> bytes, bool isError)
    {
        if (_values.Length == 0)
            _next.Write(bytes, isError);
        else
            Pass(isError ? _error : _output, bytes, isError, isEnd: false);
    }

    /// <summary>Gives out what was held.</summary>
    public void Flush()
    {
        Pass(_output, [], isError: false, isEnd: true);
        Pass(_error, [], isError: true, isEnd: true);
    }

    private static IEnumerable<byte[]> Values(byte[] secret)
    {
        var whole = secret.AsSpan().Trim(Blanks).ToArray();
        if (whole.Length < MinLength)
            return [];
        return Lines(whole).Where(line => line.Length >= MinLineLength).Prepend(whole);
    }

    private static List<byte[]> Lines(byte[] whole)
    {
        var lines = new List<byte[]>();
        foreach (var line in whole.AsSpan().Split((byte)'\n'))
            lines.Add(whole.AsSpan()[line].Trim(Blanks).ToArray());
        return lines;
    }

    private void Pass(Held held, ReadOnlySpan<byte> bytes, bool isError, bool isEnd)
    {
        byte[] text = [.. held.Bytes, .. bytes];
        var passed = new ArrayBufferWriter<byte>(text.Length + Stars.Length);
        // Bytes from here that belong to a value which began before.
        var (at, masked) = (0, held.Masked);
        while (at < text.Length)
        {
            var rest = text.AsSpan(at);
            if (masked == 0 && rest.IndexOfAny(_first) is var plain && plain != 0)
            {
                var length = plain < 0 ? rest.Length : plain;
                passed.Write(rest[..length]);
                at += length;
                continue;
            }
            if (!isEnd && MayBegin(rest))
                break;
            var found = LengthOf(rest);
            if (found > masked)
            {
                if (masked == 0)
                    passed.Write(Stars);
                masked = found;
            }
            if (masked == 0)
                passed.Write(rest[..1]);
            else
                masked--;
            at++;
        }
        (held.Bytes, held.Masked) = (text[at..], masked);
        if (passed.WrittenCount > 0)
            _next.Write(passed.WrittenSpan, isError);
    }

    /// <summary>Whether more output could make a value of this, a longer one than is here already.</summary>
    private bool MayBegin(ReadOnlySpan<byte> rest)
    {
        foreach (var value in _values)
        {
            if (value.Length > rest.Length && value.AsSpan().StartsWith(rest))
                return true;
        }
        return false;
    }

    private int LengthOf(ReadOnlySpan<byte> rest)
    {
        foreach (var value in _values)
        {
            if (rest.StartsWith(value))
                return value.Length;
        }
        return 0;
    }

    /// <summary>What is not passed on yet of one stream.</summary>
    private sealed class Held
    {
        public byte[] Bytes { get; set; } = [];

        public int Masked { get; set; }
    }
}
