using System.Globalization;
using System.Text;

namespace Grid.Fuzzing;

/// <summary>
/// Mutation-based fuzzing in a bounded lane: a second for each test and always the same inputs first; GRID_FUZZ_SECONDS for more, and others each time. Whatever comes in, a parser of untrusted text may only throw what it documents, must end, and may
/// only use memory in proportion. A failure prints its seed; with GRID_FUZZ_SEED set to it the same input comes first.
/// </summary>
internal static class Fuzz
{
    /// <summary>How long one input may take before it counts as endless. Far above anything a busy machine does to an honest one.</summary>
    private static readonly TimeSpan Endless = TimeSpan.FromSeconds(90);

    private const int StackBytes = 1 << 20;

    /// <summary>Bytes that may be allocated for one input: a part for what any parser needs, and a part for each byte.</summary>
    private const long FixedBytes = 64L << 20;

    private const long BytesPerByte = 20_000;

    private static bool IsLong => Environment.GetEnvironmentVariable("GRID_FUZZ_SECONDS") is { Length: > 0 };

    private static TimeSpan Duration => TimeSpan.FromSeconds(double.TryParse(Environment.GetEnvironmentVariable("GRID_FUZZ_SECONDS"), CultureInfo.InvariantCulture, out var seconds) ? seconds : 1);

    /// <summary>Fuzzes a reader of text.</summary>
    /// <param name="corpus">Honest inputs to start from.</param>
    /// <param name="words">Pieces of the language, put in at random.</param>
    /// <param name="target">Reads; may throw what is allowed, and assert.</param>
    /// <param name="allowed">Exceptions the reader documents.</param>
    public static void Text(IReadOnlyList<string> corpus, IReadOnlyList<string> words, Action<string> target, params Type[] allowed) =>
        Bytes([.. corpus.Select(Encoding.UTF8.GetBytes)], [.. words.Select(Encoding.UTF8.GetBytes)], bytes => target(Encoding.UTF8.GetString(bytes)), allowed);

    /// <summary>Fuzzes a reader of bytes.</summary>
    public static void Bytes(IReadOnlyList<byte[]> corpus, IReadOnlyList<byte[]> words, Action<byte[]> target, params Type[] allowed)
    {
        corpus.ShouldNotBeEmpty();
        var seed = int.TryParse(Environment.GetEnvironmentVariable("GRID_FUZZ_SEED"), CultureInfo.InvariantCulture, out var given) ? given : IsLong ? Random.Shared.Next(1 << 30) : 1;
        var end = DateTime.UtcNow + Duration;
        (int Seed, byte[] Input, Exception Error)? failure = null;
        (int Seed, byte[] Input) current = (seed, []);
        // A thread of its own: an input without end must not end the test run, and one that nests must do with the stack workers have.
        var thread = new Thread(() =>
        {
            do
            {
                current = (seed, new Mutation(new Random(seed), corpus, words).Make());
                if (Run(target, current.Input, allowed) is { } error)
                {
                    failure = (current.Seed, current.Input, error);
                    return;
                }
                seed++;
            }
            while (DateTime.UtcNow < end);
        }, StackBytes) { IsBackground = true };
        thread.Start();
        if (!thread.Join(Duration + Endless))
            Assert.Fail($"the input does not end: GRID_FUZZ_SEED={current.Seed}\n{Shown(current.Input)}");
        if (failure is { } found)
            Assert.Fail($"GRID_FUZZ_SEED={found.Seed}\n{found.Error}\n{Shown(found.Input)}");
    }

    private static Exception? Run(Action<byte[]> target, byte[] input, Type[] allowed)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            target(input);
        }
        catch (Exception e) when (Array.Exists(allowed, type => type.IsInstanceOfType(e)))
        {
            // Refused, as documented.
        }
        catch (Exception e)
        {
            return e;
        }
        var used = GC.GetAllocatedBytesForCurrentThread() - before;
        return used <= FixedBytes + BytesPerByte * input.Length ? null : new InvalidOperationException($"{used} bytes were allocated for an input of {input.Length}");
    }

    private static string Shown(byte[] input)
    {
        var start = input.AsSpan(0, Math.Min(input.Length, 400));
        return $"{input.Length} bytes: {Convert.ToBase64String(start)}\n{Encoding.UTF8.GetString(start)}";
    }
}
