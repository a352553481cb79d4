using Grid.Buildpacks;
using Grid.Buildpacks.Descriptors;
using Grid.Cli.Lifecycle;

namespace Grid.Cli.Tests.Lifecycle;

public sealed class PhaseInputsTests
{
    private readonly Dictionary<string, string> _variables = [];

    private PhaseInputs Parse(params string[] arguments) => PhaseInputs.Parse(
        [PhaseFlags.App, PhaseFlags.Layers, PhaseFlags.Analyzed, PhaseFlags.Daemon, PhaseFlags.UserId, PhaseFlags.Tags, PhaseFlags.KanikoCacheTtl, PhaseFlags.Order],
        new ApiVersion(0, 15), arguments, name => _variables.GetValueOrDefault(name), "/here");

    [Theory]
    [InlineData("-app", "/a")]
    [InlineData("--app", "/a")]
    [InlineData("-app=/a")]
    [InlineData("--app=/a")]
    [InlineData("-app=/b", "-app", "/a")]
    public void Flags_AreReadAsGoReadsThem(params string[] arguments) => Parse(arguments).Get(PhaseFlags.App).ShouldBe("/a");

    [Fact]
    [Spec("platform/api.flags-first")]
    public void Flags_WinOverVariables_AndThoseOverDefaults()
    {
        Parse().Get(PhaseFlags.App).ShouldBe("/workspace");
        _variables["CNB_APP_DIR"] = "/from-variable";
        Parse().Get(PhaseFlags.App).ShouldBe("/from-variable");
        Parse("-app", "/from-flag").Get(PhaseFlags.App).ShouldBe("/from-flag");
        _variables["CNB_APP_DIR"] = "";
        Parse().Get(PhaseFlags.App).ShouldBe("/workspace");
    }

    [Fact]
    public void Paths_AreMadeAbsolute_AndFollowTheLayersDirectory()
    {
        Parse("-app", "sub/app").Get(PhaseFlags.App).ShouldBe("/here/sub/app");
        Parse("-app", "").Get(PhaseFlags.App).ShouldBe("");
        Parse("-layers", "l").Get(PhaseFlags.Analyzed).ShouldBe("/here/l/analyzed.toml");
        _variables["CNB_ANALYZED_PATH"] = "<layers>/other.toml";
        Parse("-layers", "/l").Get(PhaseFlags.Analyzed).ShouldBe("/l/other.toml");
    }

    [Theory]
    [InlineData("-daemon", true)]
    [InlineData("-daemon=T", true)]
    [InlineData("-daemon=0", false)]
    public void Switches_NeedNoValue(string argument, bool expected) => Parse(argument).Get(PhaseFlags.Daemon).ShouldBe(expected);

    [Fact]
    public void Switches_DoNotTakeTheNextArgument() => Parse("-daemon", "false").Arguments.ShouldBe(["false"]);

    [Theory]
    [InlineData("image", "-daemon")]
    [InlineData("--", "-daemon")]
    [InlineData("-", "-daemon")]
    public void FirstArgumentThatIsNoFlag_EndsThem(params string[] arguments)
    {
        var inputs = Parse(arguments);

        inputs.Get(PhaseFlags.Daemon).ShouldBeFalse();
        inputs.Arguments.ShouldBe(arguments[0] == "--" ? ["-daemon"] : arguments);
    }

    [Theory]
    [InlineData("flag provided but not defined: -nope", "-nope")]
    [InlineData("flag needs an argument: -app", "-app")]
    [InlineData("invalid value \"x\" for flag -uid", "-uid", "x")]
    [InlineData("invalid value \"maybe\" for flag -daemon", "-daemon=maybe")]
    [InlineData("bad flag syntax: ---app", "---app", "/a")]
    [InlineData("bad flag syntax: -=x", "-=x")]
    public void WrongFlags_AreExitCode2(string message, params string[] arguments)
    {
        var error = Should.Throw<LifecycleException>(() => Parse(arguments));

        error.ExitCode.ShouldBe(ExitCode.ParseFlags);
        error.Message.ShouldBe(message);
    }

    [Fact]
    public void Lists_AreCollected()
    {
        Parse("-tag", "a", "-tag=b").Get(PhaseFlags.Tags).ShouldBe(["a", "b"]);
        Parse().Get(PhaseFlags.Tags).ShouldBeEmpty();
    }

    [Fact]
    public void VariablesThatCannotBeRead_CountAsNotSet()
    {
        (_variables["CNB_USER_ID"], _variables["CNB_USE_DAEMON"], _variables["CNB_KANIKO_CACHE_TTL"]) = ("cnb", "perhaps", "tomorrow");

        var inputs = Parse();

        inputs.Get(PhaseFlags.UserId).ShouldBe(0);
        inputs.Get(PhaseFlags.Daemon).ShouldBeFalse();
        inputs.Get(PhaseFlags.KanikoCacheTtl).ShouldBe(TimeSpan.FromDays(14));
    }

    [Fact]
    public void OrderPath_IsTheBuilders_WhenTheLayersDirectoryHasNone()
    {
        using var layers = new TemporaryDirectory();
        Parse("-layers", layers.Path).OrderPath.ShouldBe("/cnb/order.toml");
        Parse("-layers", layers.Path, "-order", "/mine.toml").OrderPath.ShouldBe("/mine.toml");
        File.WriteAllText(layers.Path + "/order.toml", "");
        Parse("-layers", layers.Path).OrderPath.ShouldBe(layers.Path + "/order.toml");
    }

    [Theory]
    [InlineData("336h", 14 * 24 * 3600)]
    [InlineData("1h30m", 5400)]
    [InlineData("1.5s", 1.5)]
    [InlineData("-1m", -60)]
    [InlineData("0", 0)]
    public void Durations_AreGos(string text, double seconds) => GoValues.Duration(text)!.Value.TotalSeconds.ShouldBe(seconds);

    [Theory]
    [InlineData("")]
    [InlineData("5")]
    [InlineData("1d")]
    [InlineData("h")]
    public void Durations_OfAnotherForm_AreNone(string text) => GoValues.Duration(text).ShouldBeNull();

    [Theory]
    [InlineData("1001", 1001)]
    [InlineData("0x10", 16)]
    [InlineData("0o17", 15)]
    [InlineData("017", 15)]
    [InlineData("-5", -5)]
    [InlineData("0", 0)]
    public void Integers_AreGos(string text, int expected) => GoValues.Integer(text).ShouldBe(expected);

    [Theory]
    [InlineData("")]
    [InlineData("ten")]
    [InlineData("99999999999")]
    [InlineData("08")]
    public void Integers_OfAnotherForm_AreNone(string text) => GoValues.Integer(text).ShouldBeNull();
}
