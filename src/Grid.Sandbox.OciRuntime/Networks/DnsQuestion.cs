using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Text;
using Grid.Oci.Network;

namespace Grid.Sandbox.OciRuntime.Networks;

/// <summary>How a question is answered (RFC 1035 §4.1.1).</summary>
internal enum DnsResponse : byte
{
    /// <summary>With addresses, or with none of the kind that was asked for.</summary>
    NoError = 0,

    /// <summary>Not now.</summary>
    ServerFailure = 2,

    /// <summary>There is no such name.</summary>
    NameError = 3,

    /// <summary>Nothing but questions about names.</summary>
    NotImplemented = 4,
}

/// <summary>The one question of a DNS message (RFC 1035 §4), as a process in a sandbox sent it: nothing in it is to be trusted.</summary>
internal sealed class DnsQuestion
{
    private const int HeaderSize = 12, MaxName = 255, MaxLabel = 63, TypeA = 1, TypeAaaa = 28, ClassInternet = 1, TimeToLive = 30;

    private readonly byte[] _question;
    private readonly ushort _id;
    private readonly byte _flags;

    private DnsQuestion(ReadOnlySpan<byte> message, int end, string shown)
    {
        _question = message[HeaderSize..end].ToArray();
        _id = BinaryPrimitives.ReadUInt16BigEndian(message);
        _flags = message[2];
        Shown = shown;
        Name = shown.Contains('\\', StringComparison.Ordinal) ? null : EgressDestination.Normalize(shown);
        Type = BinaryPrimitives.ReadUInt16BigEndian(message[(end - 4)..]);
        Class = BinaryPrimitives.ReadUInt16BigEndian(message[(end - 2)..]);
    }

    /// <summary>The name as hosts have it; null when no host can be called so.</summary>
    public string? Name { get; }

    /// <summary>The name for people, every odd byte written as <c>\ddd</c>.</summary>
    public string Shown { get; }

    /// <summary>Whether it asks for IPv4 addresses.</summary>
    public bool AsksForIPv4 => Type == TypeA;

    /// <summary>Whether it asks for addresses at all.</summary>
    public bool AsksForAddresses => Type is TypeA or TypeAaaa;

    /// <summary>Whether it is an ordinary query about the internet.</summary>
    public bool IsQuery => (_flags & 0x78) == 0 && Class == ClassInternet;

    private ushort Type { get; }

    private ushort Class { get; }

    /// <summary>Reads a message; null when it is not one question: an answer, broken, or something else.</summary>
    public static DnsQuestion? TryParse(ReadOnlySpan<byte> message)
    {
        // One question, which is no response and promises no answers; what a resolver adds behind it (EDNS) is of no interest.
        if (message.Length < HeaderSize + 5 || (message[2] & 0x80) != 0
            || BinaryPrimitives.ReadUInt16BigEndian(message[4..]) != 1 || BinaryPrimitives.ReadUInt16BigEndian(message[6..]) != 0)
        {
            return null;
        }
        var shown = new StringBuilder();
        var at = HeaderSize;
        while (at < message.Length && message[at] != 0)
        {
            // A pointer (the two highest bits) has nothing before it to point to in a question.
            var length = message[at];
            if (length > MaxLabel || at + 1 + length >= message.Length || at + 1 + length - HeaderSize >= MaxName)
                return null;
            if (shown.Length > 0)
                shown.Append('.');
            foreach (var letter in message.Slice(at + 1, length))
                Append(shown, letter);
            at += 1 + length;
        }
        return at + 5 <= message.Length ? new DnsQuestion(message, at + 5, shown.ToString()) : null;
    }

    /// <summary>The answer without addresses.</summary>
    public byte[] Answer(DnsResponse response) => Answer(response, []);

    /// <summary>The answer.</summary>
    public byte[] Answer(DnsResponse response, IReadOnlyList<IPAddress> addresses)
    {
        var answer = new byte[HeaderSize + _question.Length + addresses.Count * 16];
        BinaryPrimitives.WriteUInt16BigEndian(answer, _id);
        // A response, with the query's operation and wish for recursion, which is available.
        answer[2] = (byte)(0x80 | (_flags & 0x79));
        answer[3] = (byte)(0x80 | (byte)response);
        answer[5] = 1;
        answer[7] = (byte)addresses.Count;
        _question.CopyTo(answer.AsSpan(HeaderSize));
        var record = answer.AsSpan(HeaderSize + _question.Length);
        foreach (var address in addresses)
        {
            // The name of the question, A, IN, how long it holds, four bytes.
            BinaryPrimitives.WriteUInt16BigEndian(record, 0xC000 | HeaderSize);
            record[3] = TypeA;
            record[5] = ClassInternet;
            BinaryPrimitives.WriteInt32BigEndian(record[6..], TimeToLive);
            record[11] = 4;
            address.TryWriteBytes(record[12..], out _);
            record = record[16..];
        }
        return answer;
    }

    private static void Append(StringBuilder shown, byte letter)
    {
        if (char.IsAsciiLetterOrDigit((char)letter) || letter is (byte)'-' or (byte)'_')
            shown.Append((char)letter);
        else
            shown.Append('\\').Append(letter.ToString("D3", CultureInfo.InvariantCulture));
    }
}
