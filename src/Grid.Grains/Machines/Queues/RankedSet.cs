using System.Collections;

namespace Grid.Grains.Machines.Queues;

/// <summary>
/// A sorted set that knows how many of its members come before one without looking at all of them. A sorted list in blocks: with ten thousand members
/// a change moves a few hundred references, and a rank adds up a few dozen counts.
/// </summary>
internal sealed class RankedSet<T>(IComparer<T> order) : IEnumerable<T>
    where T : class
{
    private const int MaxBlock = 512;
    private readonly List<List<T>> _blocks = [];

    public int Count { get; private set; }

    /// <summary>The first; null when there is none.</summary>
    public T? Min => Count == 0 ? null : _blocks[0][0];

    /// <summary>Whether it was not in the set before.</summary>
    public bool Add(T item)
    {
        if (_blocks.Count == 0)
            _blocks.Add([]);
        var number = BlockOf(item);
        var block = _blocks[number];
        var at = block.BinarySearch(item, order);
        if (at >= 0)
            return false;
        block.Insert(~at, item);
        Count++;
        if (block.Count > MaxBlock)
        {
            _blocks.Insert(number + 1, block[(MaxBlock / 2)..]);
            block.RemoveRange(MaxBlock / 2, block.Count - MaxBlock / 2);
        }
        return true;
    }

    /// <summary>Whether it was in the set.</summary>
    public bool Remove(T item)
    {
        if (Count == 0)
            return false;
        var number = BlockOf(item);
        var block = _blocks[number];
        var at = block.BinarySearch(item, order);
        if (at < 0)
            return false;
        block.RemoveAt(at);
        Count--;
        if (block.Count == 0)
            _blocks.RemoveAt(number);
        return true;
    }

    /// <summary>How many members come before this one, which need not be a member itself.</summary>
    public int RankOf(T item)
    {
        if (Count == 0)
            return 0;
        var number = BlockOf(item);
        var at = _blocks[number].BinarySearch(item, order);
        var rank = at >= 0 ? at : ~at;
        for (var n = 0; n < number; n++)
            rank += _blocks[n].Count;
        return rank;
    }

    public IEnumerator<T> GetEnumerator() => _blocks.SelectMany(b => b).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>The last block that begins with this or something before it; the first when there is none.</summary>
    private int BlockOf(T item)
    {
        var (low, high) = (0, _blocks.Count - 1);
        while (low < high)
        {
            var middle = (low + high + 1) / 2;
            if (order.Compare(_blocks[middle][0], item) <= 0)
                low = middle;
            else
                high = middle - 1;
        }
        return low;
    }
}
