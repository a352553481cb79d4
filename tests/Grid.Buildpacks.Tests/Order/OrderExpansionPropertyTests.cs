using CsCheck;
using Grid.Buildpacks.Descriptors;
using Grid.Buildpacks.Order;
using Grid.Buildpacks.Tests.Support;

namespace Grid.Buildpacks.Tests.Order;

/// <summary>Expansion of orders against the matrices of buildpack.md §Order Resolution, written out without any sharing.</summary>
public sealed class OrderExpansionPropertyTests
{
    private const int Plain = 4;
    private const int Composites = 3;

    /// <summary>An element by number: below <see cref="Plain"/> a buildpack, above it a composite.</summary>
    private sealed record Element(int Number, bool Optional)
    {
        public string Id => Number < Plain ? "p" + Number : "c" + Number;

        public string Toml => $"[[order.group]]\nid='{Id}'\nversion='1'\n{(Optional ? "optional=true\n" : "")}";
    }

    // A composite has only elements with higher numbers, or plain ones: no cycles.
    private static Gen<Element[][]> Groups(int above) => Gen.Select(Gen.Int[0, Plain + Composites - 1], Gen.Bool, (number, optional) => new Element(number, optional))
        .Where(element => element.Number < Plain || element.Number > above).Array[1, 3].Array[1, 2];

    private static readonly Gen<Element[][][]> Store = Gen.Select(Groups(Plain), Groups(Plain + 1), Groups(Plain + 2)).Select((a, b, c) => new[] { a, b, c });

    [Fact]
    [Spec("buildpack/order.resolve", "buildpack/order.pattern", "buildpack/order.expansion", "buildpack/order.optional", "buildpack/composite.resolvable", "buildpack/order.ext-first")]
    [Decision(3)]
    public void Groups_AnyOrder_AreTheMatricesWrittenOut() => Gen.Select(Store, Groups(Plain - 1), Gen.Int[0, 2]).Sample((composites, order, extensions) =>
    {
        using var tree = new TemporaryTree();
        for (var i = 0; i < Plain; i++)
            tree.Add($"/buildpacks/p{i}/1/buildpack.toml", $"api='0.10'\n[buildpack]\nid='p{i}'\nversion='1'\n");
        for (var i = 0; i < Composites; i++)
            tree.Add($"/buildpacks/c{Plain + i}/1/buildpack.toml", $"api='0.10'\n[buildpack]\nid='c{Plain + i}'\nversion='1'\n{Toml(composites[i])}");
        for (var i = 0; i < extensions; i++)
            tree.Add($"/extensions/e{i}/1/extension.toml", $"api='0.10'\n[extension]\nid='e{i}'\nversion='1'\n");
        var text = Toml(order) + string.Concat(Enumerable.Range(0, extensions).Select(i => $"[[order-extensions]]\n[[order-extensions.group]]\nid='e{i}'\nversion='1'\n"));

        var groups = new OrderExpansion(new ModuleStore(tree.Files, "/buildpacks", "/extensions"), (_, _) => true).Groups(OrderFile.Parse(text, "order.toml"));

        groups.Select(group => string.Join(' ', group.Select(candidate => candidate.Id))).ShouldBe(Expected(composites, order, extensions));
    }, iter: 150);

    private static string Toml(Element[][] order) => string.Concat(order.Select(group => "[[order]]\n" + string.Concat(group.Select(element => element.Toml))));

    private static IEnumerable<string> Expected(Element[][][] composites, Element[][] order, int extensions) =>
        from alternative in order
        from extension in Enumerable.Range(0, extensions).Select(i => "e" + i).Append(null)
        from row in Rows(composites, alternative)
        select string.Join(' ', row.Prepend(extension).OfType<string>().Distinct());

    private static IEnumerable<IEnumerable<string>> Rows(Element[][][] composites, Element[] group)
    {
        if (group.Length == 0)
            return [[]];
        var (head, tail) = (group[0], group[1..]);
        if (head.Number < Plain)
            return Rows(composites, tail).Select(row => row.Prepend(head.Id));
        var rows = composites[head.Number - Plain].SelectMany(inner => Rows(composites, [.. inner, .. tail]));
        return head.Optional ? rows.Concat(Rows(composites, tail)) : rows;
    }
}
