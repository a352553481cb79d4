using CsCheck;
using Grid.Buildpacks.Toml;

namespace Grid.Buildpacks.Tests.Toml;

public sealed class TomlWriterTests
{
    [Fact]
    public void Write_TablesAndArrays_IsReadable()
    {
        var group = new TomlTable().Set("id", "a/b").Set("optional", true);
        var document = new TomlTable().Set("order", new TomlArray([new TomlTable().Set("group", new TomlArray([group]))])).Set("name", "first");

        TomlWriter.Write(document).ShouldBe("name = \"first\"\n\n[[order]]\n  [[order.group]]\n    id = \"a/b\"\n    optional = true\n");
    }

    [Theory]
    [InlineData("i = 3\nf = 3.0\ng = 1e+100\nn = nan\nm = -inf\nb = false\n")]
    [InlineData("d = 2026-01-02T03:04:05.123+02:00\nl = 2026-01-02T03:04:05\nday = 2026-01-02\nt = 03:04:05\n")]
    [InlineData("s = \"tab\\t quote\\\" back\\\\ line\\n nul\\u0000 é 😀\"\n\"odd key\" = 1\n\"\" = 2\n")]
    [InlineData("a = [1, [\"x\", 2.5], { k = \"v\", \"a.b\" = [] }]\n")]
    [InlineData("[t]\n  [t.\"x.y\"]\n    z = 1\n")]
    [InlineData("[[a]]\n\n[[a]]\n  [[a.b]]\n    c = {}\n")]
    public void Write_WhatWasParsed_KeepsTypesAndIsStable(string text)
    {
        var once = TomlWriter.Write(TomlFile.Parse(text, "f"));

        TomlWriter.Write(TomlFile.Parse(once, "f")).ShouldBe(once);
        if (!text.Contains("{}", StringComparison.Ordinal))
            once.ShouldBe(text);
    }

    [Fact]
    public void Write_AnyDocument_ReadsBackTheSame()
    {
        var key = Gen.Char["ab-_.\" é\n"].Array[1, 3].Select(c => new string(c));
        var scalar = Gen.OneOf<TomlValue>(
            Gen.String.Where(s => System.Text.Encoding.UTF8.GetString(System.Text.Encoding.UTF8.GetBytes(s)) == s).Select(s => (TomlValue)s),
            Gen.Long.Select(l => (TomlValue)l), Gen.Bool.Select(b => (TomlValue)b), Gen.Double.Select(d => (TomlValue)d));
        var small = Gen.OneOf(scalar, scalar.Array[0, 3].Select(a => (TomlValue)new TomlArray(a)), Gen.Select(key, scalar).Array[0, 3].Select(Table));
        var value = Gen.OneOf(small, small.Array[0, 3].Select(a => (TomlValue)new TomlArray(a)), Gen.Select(key, small).Array[0, 3].Select(Table));

        Gen.Select(key, value).Array[0, 4].Select(Table).Sample(table =>
        {
            var text = TomlWriter.Write((TomlTable)table);
            return TomlWriter.Write(TomlFile.Parse(text, "f")) == text;
        }, iter: 300);
    }

    private static TomlValue Table((string Key, TomlValue Value)[] entries)
    {
        var table = new TomlTable();
        foreach (var (key, value) in entries)
            table.Set(key, value);
        return table;
    }
}
