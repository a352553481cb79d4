using System.Text.RegularExpressions;

namespace Grid.Architecture.Tests;

/// <summary>The habits that keep the code readable.</summary>
public sealed partial class ShapeTests
{
    [Fact]
    public void Classes_are_sealed_by_default()
    {
        var classes = Product.Names.SelectMany(Product.Types).Where(t => t is { IsClass: true } && !(t.IsAbstract && t.IsSealed) && !t.IsSubclassOf(typeof(Delegate))).ToList();
        var open = classes.Where(t => t is { IsSealed: false, IsAbstract: false }).Select(t => t.FullName).ToList();

        (open.Count / (double)classes.Count).ShouldBeLessThan(0.05, string.Join(", ", open));
    }

    [Fact]
    public void No_type_is_called_after_nothing() => Product.Names.SelectMany(Product.Types)
        .Where(t => Empty().IsMatch(t.Name)).Select(t => t.Name)
        // Docker's name for the programs that keep credentials.
        .Except(["CredentialHelper"]).ShouldBeEmpty();

    [Fact]
    public void Namespaces_are_folders()
    {
        foreach (var file in Product.Sources())
        {
            var declared = File.ReadLines(file).FirstOrDefault(l => l.StartsWith("namespace ", StringComparison.Ordinal));
            var folder = Path.GetRelativePath(Path.Combine(Product.Root, "src"), Path.GetDirectoryName(file)!).Replace('/', '.');
            if (declared is not null)
                declared.ShouldBe($"namespace {folder};", file);
        }
    }

    [Fact]
    public void Public_types_say_what_they_mean()
    {
        var undocumented = new List<string>();
        foreach (var file in Product.Sources())
        {
            var lines = File.ReadAllLines(file);
            for (var n = 0; n < lines.Length; n++)
            {
                if (!PublicType().IsMatch(lines[n]))
                    continue;
                var above = n - 1;
                while (above >= 0 && lines[above].TrimStart().StartsWith('['))
                    above--;
                if (above < 0 || !lines[above].TrimStart().StartsWith("///", StringComparison.Ordinal))
                    undocumented.Add($"{Path.GetFileName(file)}:{n + 1} {lines[n].Trim()}");
            }
        }
        // Names that say it all: an enum of kinds, a marker record without members.
        undocumented.Count.ShouldBeLessThanOrEqualTo(20, string.Join("\n", undocumented));
    }

    /// <summary>A write that fails leaves a grain with what is not stored. <c>SavedState</c> says what happens then; a grain that writes by itself may answer with it.</summary>
    [Fact]
    public void Grains_write_their_state_by_SavedState() => Product.Sources("Grid.Grains").Concat(Product.Sources("Grid.Worker"))
        .Where(f => File.ReadAllText(f).Contains(".WriteStateAsync(", StringComparison.Ordinal)).Select(Path.GetFileName)
        // The queue's waiting builds are known in memory; what is stored of them is a copy that the next write replaces.
        .Except(["SavedState.cs", "QueueGrain.cs"]).ShouldBeEmpty();

    [GeneratedRegex("(Common|Utils?|Helpers?|Manager)$")]
    private static partial Regex Empty();

    [GeneratedRegex(@"^public (sealed |abstract |static |readonly |partial )*(class|record|struct|interface|enum) ")]
    private static partial Regex PublicType();
}
