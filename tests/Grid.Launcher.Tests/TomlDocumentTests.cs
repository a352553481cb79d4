using System.Text;
using Grid.Launcher.Toml;

namespace Grid.Launcher.Tests;

public sealed class TomlDocumentTests
{
    [Theory]
    [InlineData("a = \"x\\ty\\u00e9\\U0001F600\\\"\"", "x\ty\u00e9\U0001F600\"")]
    [InlineData("a = 'c:\\n'", "c:\\n")]
    [InlineData("a = \"\"\"\nl1\r\nl2 \"q\"\"\"\"", "l1\r\nl2 \"q\"")]
    [InlineData("a = '''\n''x'''''", "''x''")]
    [InlineData("a = \"\"\"one \\   \n\n   two\"\"\"", "one two")]
    [InlineData("'a' = \"\" # comment", "")]
    [InlineData("\"a\" = 'é'", "é")]
    public void Parse_String_HasItsValue(string toml, string value) =>
        Parse(toml).Text("a").ShouldBe(Bytes(value));

    [Fact]
    public void Parse_Tables_NestAndRepeat()
    {
        var root = Parse("""
            top.dotted.key = true
            list = [ "a", # first
              'b',
            ]
            inline = { x = 1, y.z = [ { q = "deep" } ], }
            [table.sub]
            at = 2001-01-01 10:00:00Z
            [table]
            n = -1_000.5e3
            [[arr]]
            v = "1"
            [arr.inner]
            w = "in"
            [[arr]]
            v = "2"
            """.Replace(", }", " }"));
        root.TextOrTexts("list").ShouldBe(["a", "b"]);
        ((TomlTable)((TomlTable)root.Find("top")!).Find("dotted")!).Flag("key").ShouldBeTrue();
        root.Tables("arr").Select(table => table.Text("v")).ShouldBe(["1", "2"]);
        ((TomlTable)root.Tables("arr").First().Find("inner")!).Text("w").ShouldBe("in");
        ((TomlTable)((TomlTable)root.Find("table")!).Find("sub")!).Find("at").ShouldBe(new TomlScalar("2001-01-01 10:00:00Z"));
    }

    [Theory]
    [InlineData("a = 1\na = 2", "f:2: 'a' is defined twice")]
    [InlineData("[t]\n[t]", "f:2: 't' is defined twice")]
    [InlineData("a = {x = 1}\n[a.b]", "f:2: 'a' is not a table")]
    [InlineData("a = []\n[[a]]", "f:2: 'a' is defined twice")]
    [InlineData("a = \"x\ny\"", "f:2: a string does not end on its line")]
    [InlineData("a = 'x", "f:1: the document ends too early")]
    [InlineData("a = plain", "f:1: 'plain' is not a value")]
    [InlineData("a = 1 b = 2", "f:1: 'b' is not expected here")]
    [InlineData("= 1", "f:1: a key is missing")]
    [InlineData("a = \"\\q\"", "f:1: '\\q' is not an escape")]
    [InlineData("a = \"\\ud800\"", "f:1: an escape is not a Unicode character")]
    [InlineData("[a", "f:1: ']' is missing")]
    public void Parse_Malformed_SaysWhere(string toml, string message) =>
        Should.Throw<LaunchException>(() => Parse(toml)).Message.ShouldStartWith(message);

    [Fact]
    public void Parse_DeepNesting_IsRefused() =>
        Should.Throw<LaunchException>(() => Parse("a = " + new string('[', 100_000))).Message.ShouldContain("nested too deeply");

    private static TomlTable Parse(string toml) => TomlDocument.Parse(Bytes(toml), "f");

    private static string Bytes(string text) => Encoding.Latin1.GetString(Encoding.UTF8.GetBytes(text));
}
