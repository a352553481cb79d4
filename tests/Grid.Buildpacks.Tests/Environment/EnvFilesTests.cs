using Grid.Buildpacks.Environment;
using Grid.Buildpacks.Tests.Support;

namespace Grid.Buildpacks.Tests.Environment;

public sealed class EnvFilesTests : IDisposable
{
    private readonly TemporaryTree _tree = new();

    public void Dispose() => _tree.Dispose();

    [Theory]
    [InlineData("V.override", "new", "new")]
    [InlineData("V.default", "old", "new")]
    [InlineData("V.append", "old-new", "new")]
    [InlineData("V.prepend", "new-old", "new")]
    [InlineData("V.", "new-old", "new")]
    [InlineData("V.unknown", "old", "old")]
    [InlineData("V.delim", "old", "old")]
    [Spec("buildpack/env.suffix", "buildpack/env.append", "buildpack/env.default", "buildpack/env.delim", "buildpack/env.override")]
    [Spec("buildpack/env.prepend", "buildpack/env.name")]
    public void ApplyActions_EachSuffix_WithAndWithoutAValue(string file, string withValue, string withoutValue)
    {
        _tree.Add("/env/V.delim", "-").Add("/env/" + file, file == "V.delim" ? "-" : "new");

        Applied("old").ShouldBe(withValue);
        Applied("").ShouldBe(withoutValue == "old" ? "" : withoutValue);
    }

    [Theory]
    [InlineData(UnsuffixedAction.Override, "new")]
    [InlineData(UnsuffixedAction.Default, "old")]
    [Spec("buildpack/env.suffix", "platform/env.operator-default")]
    public void ApplyActions_NoSuffix_DependsOnTheDirectory(UnsuffixedAction unsuffixed, string expected)
    {
        _tree.Add("/env/V", "new");

        Applied("old", unsuffixed).ShouldBe(expected);
    }

    [Fact]
    [Spec("buildpack/env.verbatim")]
    public void ApplyActions_WithoutDelimiter_JoinsDirectly_AndKeepsLineEnds()
    {
        _tree.Add("/env/V.append", "x\n");

        Applied("old").ShouldBe("oldx\n");
    }

    [Fact]
    public void ApplyActions_DirectoriesAndLinksToThem_AreSkipped_LinksToFilesAreFollowed()
    {
        _tree.Add("/env/sub/x", "1").Add("/elsewhere", "linked").Link("/env/V", "/elsewhere").Link("/env/D", "sub").Link("/env/..data", "sub");

        Applied("old").ShouldBe("linked");
    }

    [Fact]
    public void ApplyActions_DanglingLink_IsAnError()
    {
        _tree.Add("/env/A", "").Link("/env/V", "/nowhere");

        Should.Throw<FileNotFoundException>(() => Applied("old"));
    }

    [Fact]
    public void ApplyActions_ZeroByte_IsRefusedWithThePath()
    {
        _tree.Add("/env/V", "a\0b");

        Should.Throw<InvalidDataException>(() => Applied("")).Message.ShouldContain("/env/V");
    }

    [Fact]
    [Spec("buildpack/env.user-set", "platform/env.user-prepended", "platform/env.user-file")]
    public void ApplyUserValues_PathVariablesArePrepended_OthersReplaced_SuffixesMeanNothing()
    {
        _tree.Add("/env/PATH", "/mine").Add("/env/OTHER", "new").Add("/env/A.append", "x");
        var variables = EnvironmentVariables.Parse(["PATH=/bin", "OTHER=old"]);

        EnvFiles.ApplyUserValues(variables, _tree.Files, "/env");

        variables.ToList().ShouldBe(["A.append=x", "OTHER=new", "PATH=/mine:/bin"]);
    }

    [Fact]
    [Spec("buildpack/env.build-files", "buildpack/env.layers.ascending", "buildpack/env.layers.build")]
    [Spec("buildpack/env.layers.separator", "buildpack/env.append.layers")]
    [Decision(28)]
    public void ApplyBuild_LaterLayersComeFirstInPath_ThenTheirFiles()
    {
        _tree.Add("/layers/b/bin/x").Add("/layers/a/bin/x").Add("/layers/a/lib/x").Add("/layers/a/include/x").Add("/layers/a/pkgconfig/x")
            .Add("/layers/a/env/V", "all").Add("/layers/b/env.build/V.append", "+build").Add("/layers/b/env.launch/V", "never");
        var variables = EnvironmentVariables.Parse(["PATH=/bin"]);

        LayerEnv.ApplyBuild(variables, _tree.Files, ["/layers/b", "/layers/a"]);

        variables.ToList().ShouldBe([
            "CPATH=/layers/a/include", "LD_LIBRARY_PATH=/layers/a/lib", "LIBRARY_PATH=/layers/a/lib", "PATH=/layers/b/bin:/layers/a/bin:/bin",
            "PKG_CONFIG_PATH=/layers/a/pkgconfig", "V=all+build"]);
    }

    [Fact]
    [Spec("buildpack/env.launch-files", "buildpack/env.append.directories")]
    public void ApplyLaunch_TakesLaunchFilesAndThoseOfTheProcess()
    {
        _tree.Add("/layers/a/bin/x").Add("/layers/a/include/x").Add("/layers/a/env/V", "1").Add("/layers/a/env.launch/V.append", "2")
            .Add("/layers/a/env.launch/web/V.append", "3").Add("/layers/a/env.build/V", "never");
        var variables = new EnvironmentVariables();

        LayerEnv.ApplyLaunch(variables, _tree.Files, ["/layers/a"], "web");

        variables.ToList().ShouldBe(["PATH=/layers/a/bin", "V=123"]);
    }

    private string Applied(string value, UnsuffixedAction unsuffixed = UnsuffixedAction.Override)
    {
        var variables = EnvironmentVariables.Parse(["V=" + value]);
        EnvFiles.ApplyActions(variables, _tree.Files, "/env", unsuffixed);
        return variables["V"];
    }
}
