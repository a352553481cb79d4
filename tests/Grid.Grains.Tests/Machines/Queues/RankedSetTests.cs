using CsCheck;
using Grid.Grains.Machines.Queues;

namespace Grid.Grains.Tests.Machines.Queues;

public sealed class RankedSetTests
{
    /// <summary>Whatever is added and removed: members, order and ranks are those of a sorted list. Long enough for blocks to be split and emptied.</summary>
    [Fact]
    public void AnyChanges_KeepOrderAndRanks() => Gen.Select(Gen.Int[0, 4000], Gen.Int[0, 9]).Array[0, 4000].Sample(moves =>
    {
        var set = new RankedSet<string>(StringComparer.Ordinal);
        var model = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var (number, kind) in moves)
        {
            var item = $"{number:d4}";
            if (kind < 7)
                set.Add(item).ShouldBe(model.Add(item));
            else
                set.Remove(item).ShouldBe(model.Remove(item));
        }
        set.Count.ShouldBe(model.Count);
        set.Min.ShouldBe(model.Min);
        set.ShouldBe(model);
        var sorted = model.ToList();
        foreach (var item in sorted.Where((_, n) => n % 97 == 0).Append("2000").Append("").Append("9"))
            set.RankOf(item).ShouldBe(sorted.Count(m => string.CompareOrdinal(m, item) < 0));
    }, iter: 30);
}
