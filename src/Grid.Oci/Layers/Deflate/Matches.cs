using System.Buffers;

namespace Grid.Oci.Layers.Deflate;

/// <summary>Bytes as they are, then a match: a copy of what stands some way before.</summary>
/// <param name="Literals">How many bytes come before the match.</param>
/// <param name="Length">The match's length; 0 when there is none.</param>
/// <param name="Distance">How far back it is, less one.</param>
internal readonly record struct Match(int Literals, ushort Length, ushort Distance);

/// <summary>The matches of one block and how often each symbol occurs in it.</summary>
internal sealed class Matches : IDisposable
{
    private const int Shortest = 4;

    private readonly Match[] _found = ArrayPool<Match>.Shared.Rent((BlockLength / Shortest) + 2);
    private int _count;

    /// <summary>Bytes after which a block ends. A last match may go beyond.</summary>
    internal const int BlockLength = 64 * 1024;

    internal int[] LiteralCounts { get; } = new int[DeflateAlphabet.Literals];

    internal int[] DistanceCounts { get; } = new int[DeflateAlphabet.Distances];

    internal ReadOnlySpan<Match> Found => _found.AsSpan(0, _count);

    public void Dispose() => ArrayPool<Match>.Shared.Return(_found);

    /// <summary>Begins a block.</summary>
    internal void Clear()
    {
        _count = 0;
        LiteralCounts.AsSpan().Clear();
        DistanceCounts.AsSpan().Clear();
        LiteralCounts[DeflateAlphabet.EndOfBlock] = 1;
    }

    /// <summary>Adds a match behind literals, which are counted by the caller.</summary>
    internal void Add(int literals, int length, int distance)
    {
        _found[_count++] = new Match(literals, (ushort)length, (ushort)(distance - 1));
        LiteralCounts[DeflateAlphabet.FirstLength + DeflateAlphabet.LengthSymbol(length)]++;
        DistanceCounts[DeflateAlphabet.DistanceSymbol(distance - 1)]++;
    }

    /// <summary>Adds the literals behind the last match.</summary>
    internal void End(int literals) => _found[_count++] = new Match(literals, 0, 0);
}
