namespace Grid.Dockerfiles.Expansion;

public sealed class WordExpanderTests
{
    private static readonly Dictionary<string, string> Variables = new()
    {
        ["A"] = "foo",
        ["EMPTY"] = "",
        ["path"] = "/a/b/c.tar.gz",
        ["url"] = "x-y-x-y",
        ["star"] = "a*b",
    };

    private static string Expand(string word, char escape = '\\') => new WordExpander(escape, Variables.GetValueOrDefault).Expand(word);

    [Theory]
    [InlineData("$A", "foo")]
    [InlineData("${A}", "foo")]
    [InlineData("$A.x", "foo.x")]
    [InlineData("$AB", "")]
    [InlineData("${A}B", "fooB")]
    [InlineData("\\$A", "$A")]
    [InlineData("\\${A}", "${A}")]
    [InlineData("'$A'", "$A")]
    [InlineData("\"$A\"", "foo")]
    [InlineData("\"\\$A\"", "$A")]
    [InlineData("\"a\\b\"", "a\\b")]
    [InlineData("\"a\\\"b\"", "a\"b")]
    [InlineData("a\\b", "ab")]
    [InlineData("a\\\\b", "a\\b")]
    [InlineData("a\\", "a")]
    [InlineData("'a'\"b\"c", "abc")]
    [InlineData("\"it's\"", "it's")]
    [InlineData("$", "$")]
    [InlineData("$/x", "$/x")]
    [InlineData("$1x", "x")]
    [InlineData("a$$b", "ab")]
    [InlineData("${NONE}", "")]
    [InlineData("<<x", "<<x")]
    public void Expand_PlainForms(string word, string expected) => Expand(word).ShouldBe(expected);

    [Theory]
    [InlineData("${A:-d}", "foo")]
    [InlineData("${NONE:-d}", "d")]
    [InlineData("${EMPTY:-d}", "d")]
    [InlineData("${EMPTY-d}", "")]
    [InlineData("${NONE-d}", "d")]
    [InlineData("${A:+x}", "x")]
    [InlineData("${EMPTY:+x}", "")]
    [InlineData("${EMPTY+x}", "x")]
    [InlineData("${NONE+x}", "")]
    [InlineData("${A:?no}", "foo")]
    [InlineData("${EMPTY?no}", "")]
    [InlineData("${NONE:-$A}", "foo")]
    [InlineData("${NONE:-${NONE:-\"x }\"}}", "x }")]
    [InlineData("${NONE:-a\\}b}", "a}b")]
    [InlineData("${path#*/}", "a/b/c.tar.gz")]
    [InlineData("${path##*/}", "c.tar.gz")]
    [InlineData("${path%.*}", "/a/b/c.tar")]
    [InlineData("${path%%.*}", "/a/b/c")]
    [InlineData("${path#x}", "/a/b/c.tar.gz")]
    [InlineData("${path%.g?}", "/a/b/c.tar")]
    [InlineData("${star#a\\*}", "b")]
    [InlineData("${A#\\*}", "foo")]
    [InlineData("${url/x/z}", "z-y-x-y")]
    [InlineData("${url//x/z}", "z-y-z-y")]
    [InlineData("${url//y/}", "x--x-")]
    [InlineData("${url/-*/!}", "x!")]
    [InlineData("${path//\\//_}", "_a_b_c.tar.gz")]
    [InlineData("${A/o/$A}", "ffooo")]
    [InlineData("${A/o/\\$1}", "f$1o")]
    public void Expand_Modifiers(string word, string expected) => Expand(word).ShouldBe(expected);

    [Theory]
    [InlineData("${", "missing '}'")]
    [InlineData("${A", "missing '}'")]
    [InlineData("${A:-x", "missing '}'")]
    [InlineData("${}", "bad substitution")]
    [InlineData("${{A}}", "bad substitution")]
    [InlineData("${A!x}", "unsupported modifier (!)")]
    [InlineData("${A:#x}", "unsupported modifier (:#)")]
    [InlineData("${NONE:?is needed}", "NONE: is needed")]
    [InlineData("${NONE?}", "NONE: is not allowed to be unset")]
    [InlineData("${EMPTY:?}", "EMPTY: is not allowed to be empty")]
    [InlineData("'a", "matching single-quote")]
    [InlineData("\"a", "matching double-quote")]
    public void Expand_BadSubstitution_SaysWhat(string word, string what) => Should.Throw<FormatException>(() => Expand(word)).Message.ShouldContain(what);

    [Fact]
    public void Expand_BacktickEscape_LeavesBackslashes()
    {
        Expand("C:\\x`$A", '`').ShouldBe("C:\\x$A");
        Expand("\"a`\"b\\n\"", '`').ShouldBe("a\"b\\n");
    }

    [Fact]
    public void ExpandDocument_QuotesAreText_EscapesAreNot() =>
        new WordExpander('`', Variables.GetValueOrDefault).ExpandDocument("\"$A\" it's \\$A ${A:-x}\n").ShouldBe("\"foo\" it's $A foo\n");

    [Fact]
    public void Expand_Nesting_IsBounded() =>
        Should.Throw<FormatException>(() => Expand(string.Concat(Enumerable.Repeat("${N:-", 5000)) + new string('}', 5000))).Message.ShouldContain("nested");

    [Fact]
    public void Expand_Length_IsBounded()
    {
        var big = new string('x', 100_000);
        Should.Throw<FormatException>(() => new WordExpander('\\', _ => big).Expand("$a$b")).Message.ShouldContain("longer than");
        Should.Throw<FormatException>(() => new WordExpander('\\', _ => big).Expand("${a//x/yy}")).Message.ShouldContain("longer than");
    }

    [Fact]
    public void Expand_HostilePattern_EndsSoon()
    {
        var value = new string('a', 30_000);
        var pattern = string.Concat(Enumerable.Repeat("*a", 100)) + "b";
        var clock = System.Diagnostics.Stopwatch.StartNew();
        try
        {
            new WordExpander('\\', _ => value).Expand("${a##" + pattern + "}").ShouldBe(value);
        }
        catch (FormatException e)
        {
            e.Message.ShouldContain("substitution");
        }
        clock.Elapsed.ShouldBeLessThan(TimeSpan.FromMinutes(2));
    }
}
