using Grid.Buildpacks.Toml;

namespace Grid.Buildpacks.Tests.Toml;

public sealed class TomlFileTests
{
    [Theory]
    [InlineData("a = 1\na = 2\n", 2)]
    [InlineData("[t]\n[t]\n", 2)]
    [InlineData("a = 1\n[a]\nb = 1\n", 2)]
    [InlineData("a = [1]\n[[a]]\n", 2)]
    [InlineData("[[a]]\n[a]\n", 2)]
    [InlineData("t = {a = 1}\n[t]\nb = 2\n", 2)]
    [InlineData("a = \n", 1)]
    [InlineData("x = 1\n\n  [unclosed\n", 3)]
    [InlineData("a = \"\\q\"\n", 1)]
    [InlineData("a = 1 b = 2\n", 1)]
    [InlineData("a = 2026-13-45\n", 1)]
    [InlineData("a = 1\nb = \"\\", 2)]
    [InlineData("a = \"\\u12", 1)]
    public void Parse_InvalidDocument_ThrowsWithFileAndLine(string text, int line)
    {
        var error = Should.Throw<TomlFormatException>(() => TomlFile.Parse(text, "order.toml"));

        error.File.ShouldBe("order.toml");
        error.Line.ShouldBe(line);
        error.Message.ShouldStartWith($"order.toml:{line}:");
    }

    [Theory]
    [InlineData('[')]
    [InlineData('{')]
    public void Parse_DeepBrackets_IsRefusedAndDoesNotOverflowTheStack(char open)
    {
        var text = "a = " + (open == '[' ? new string('[', 200_000) : string.Concat(Enumerable.Repeat("{a=", 200_000)));

        Should.Throw<TomlFormatException>(() => TomlFile.Parse(text, "f")).Message.ShouldContain("deep");
    }

    [Theory]
    [InlineData("{0} = 1")]
    [InlineData("[{0}]")]
    [InlineData("[[{0}]]")]
    [InlineData("x = {{{0} = 1}}")]
    public void Parse_DeepDottedKeys_AreRefused(string format)
    {
        var text = string.Format(System.Globalization.CultureInfo.InvariantCulture, format, string.Join('.', Enumerable.Repeat("a", 100_000)));

        Should.Throw<TomlFormatException>(() => TomlFile.Parse(text, "f")).Message.ShouldContain("deep");
    }

    [Theory]
    [InlineData("k{0} = 1\n")]
    [InlineData("[t{0}]\n")]
    [InlineData("[[a]]\n[a.b]\n")]
    [InlineData("a = {0}\n")]
    [InlineData("= {0}\n")]
    public void Parse_ManyLines_TakesTimeInProportion(string line)
    {
        string Lines(int count) => string.Concat(Enumerable.Range(0, count).Select(i => string.Format(System.Globalization.CultureInfo.InvariantCulture, line, i)));
        void Read(string text)
        {
            try
            {
                TomlFile.Parse(text, "f");
            }
            catch (TomlFormatException)
            {
                // Some are valid, some are not; only the time matters.
            }
        }
        Read(Lines(2_000));
        var (few, many) = (Lines(20_000), Lines(80_000));

        // The least of several: one reading may have had to wait for the processor, all of them do not.
        TimeSpan Least(string text) => Enumerable.Range(0, 3).Min(_ =>
        {
            var watch = System.Diagnostics.Stopwatch.StartNew();
            Read(text);
            return watch.Elapsed;
        });

        Least(many).ShouldBeLessThan((Least(few) * 12) + TimeSpan.FromSeconds(1));
    }

    [Fact]
    public void Parse_DotsInStringsAndVersions_AreNoNesting()
    {
        var text = "a = \"" + new string('.', 500) + "\"\nb = '''\n" + new string('[', 500) + "\n'''\nc = [" + string.Join(", ", Enumerable.Repeat("1.5", 500)) + "]\n";

        TomlFile.Parse(text, "f").GetString("a")!.Length.ShouldBe(500);
    }

    [Fact]
    public void Getters_WrongType_NameTableKeyAndPosition()
    {
        var document = TomlFile.Parse("[[order]]\n  [[order.group]]\n  id = 3\n", "order.toml");
        var element = document.GetTables("order")[0].GetTables("group")[0];

        Should.Throw<TomlFormatException>(() => element.GetString("id")).Message
            .ShouldBe("order.toml:3:8: [[order.group]] id: want a string, not an integer");
        Should.Throw<TomlFormatException>(() => element.RequireString("version")).Message
            .ShouldBe("order.toml:2:3: [[order.group]] version: is missing; want a string");
        Should.Throw<TomlFormatException>(() => document.GetString("order")).Message.ShouldContain("want a string, not an array");
    }

    [Fact]
    public void Getters_ReadEveryType()
    {
        var document = TomlFile.Parse(
            "s = 'x'\ni = 0x10\nf = 3.0\nb = true\nd = 2026-01-02T03:04:05Z\nt = {k = 'v'}\nl = ['a', \"b\"]\n[[m]]\nn = 1\n[[m]]\nn = 2\n[o.p]\nq.r = 1\n", "f");

        document.GetString("s").ShouldBe("x");
        document.GetInteger("i").ShouldBe(16);
        ((TomlScalar)document["f"]!).Float.ShouldBe(3.0);
        document.GetBoolean("b").ShouldBeTrue();
        ((TomlScalar)document["d"]!).Kind.ShouldBe(TomlScalarKind.DateTime);
        document.GetTable("t")!.GetString("k").ShouldBe("v");
        document.GetStrings("l").ShouldBe(["a", "b"]);
        document.GetTables("m").Select(t => t.GetInteger("n")).ShouldBe([1, 2]);
        document.GetTable("o")!.GetTable("p")!.GetTable("q")!.GetInteger("r").ShouldBe(1);
        document.GetString("missing").ShouldBeNull();
        document.GetTables("missing").ShouldBeEmpty();
    }

    [Fact]
    public void Getters_KeyInAnotherCase_IsFound_AndTheExactOneWins()
    {
        TomlFile.Parse("ID = 'x'\n", "f").GetString("id").ShouldBe("x");
        TomlFile.Parse("ID = 'x'\nid = 'y'\n", "f").GetString("id").ShouldBe("y");
    }

    [Fact]
    public void UnknownKeys_NameThemWithTheirPlace() =>
        TomlFile.Parse("[buildpack]\nid = 'a'\nidd = 'b'\n", "buildpack.toml").GetTable("buildpack")!.UnknownKeys("id")
            .ShouldBe(["buildpack.toml:3:7: [buildpack] idd: unknown key is ignored"]);

    [Fact]
    public void Parse_SubTablesOfAnArrayOfTables_BelongToTheLastElement()
    {
        var document = TomlFile.Parse("[[r]]\nname = 'a'\n[r.metadata]\nv = 1\n[[r]]\nname = 'b'\n[r.metadata]\nv = 2\n", "f");

        document.GetTables("r").Select(r => r.GetTable("metadata")!.GetInteger("v")).ShouldBe([1, 2]);
    }
}
