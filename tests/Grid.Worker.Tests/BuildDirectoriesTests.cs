using Grid.Buildpacks;
using Grid.Lifecycle;
using Grid.Sandbox;

namespace Grid.Worker.Tests;

public sealed class BuildDirectoriesTests
{
    [Theory]
    [InlineData("tenant/b")]
    [InlineData("../../escape")]
    [InlineData("a%2Fb")]
    public void Each_key_has_a_directory_right_below(string key)
    {
        var root = Directory.CreateTempSubdirectory("grid-builds-").FullName;
        try
        {
            var builds = new BuildDirectories(new WorkerOptions { BuildsDirectory = root, Launcher = "" });
            var build = builds.Open(key);

            Path.GetDirectoryName(Path.GetFullPath(build.Path)).ShouldBe(root);
            builds.Delete(key);
            builds.Delete(key);
            Directory.Exists(build.Path).ShouldBeFalse();
        }
        finally
        {
            Directory.Delete(root, recursive: true);
        }
    }

    [Fact]
    public void DeleteAllBut_FollowsNoLink()
    {
        var root = Directory.CreateTempSubdirectory("grid-builds-").FullName;
        var outside = Directory.CreateTempSubdirectory("grid-outside-").FullName;
        try
        {
            File.WriteAllText(Path.Combine(outside, "kept"), "");
            var builds = new BuildDirectories(new WorkerOptions { BuildsDirectory = root, Launcher = "" });
            File.CreateSymbolicLink(Path.Combine(builds.Open("t/b").Path, "layers"), outside);
            builds.DeleteAllBut([]);

            Directory.GetFileSystemEntries(root).ShouldBeEmpty();
            File.Exists(Path.Combine(outside, "kept")).ShouldBeTrue();
        }
        finally
        {
            Directory.Delete(root, recursive: true);
            Directory.Delete(outside, recursive: true);
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    [Spec("image_extension/generate.app")]
    [Decision(31)]
    public void Volumes_AppOfDetectAndGenerate_CannotBeWrittenTo(bool readOnly)
    {
        var root = Directory.CreateTempSubdirectory("grid-builds-").FullName;
        try
        {
            var build = new BuildDirectories(new WorkerOptions { BuildsDirectory = root, Launcher = "" }).Open("t/b");
            var environment = new PhaseEnvironment { PlatformApi = "0.15", ImageEnv = [], User = new ProcessUser(1, 1), Target = new Target("linux", "amd64") };

            build.Volumes(environment, appReadOnly: readOnly).Select(volume => (volume.Path, volume.ReadOnly)).ShouldBe([("/workspace", readOnly), ("/layers", false), ("/platform", true)]);
        }
        finally
        {
            Directory.Delete(root, recursive: true);
        }
    }

    [Fact]
    public void SandboxHandle_HasOnlyLettersDigitsAndHyphens() =>
        BuildDirectory.SandboxHandle("tenant/b/run/3#1").ShouldMatch(@"\Atenant-b-run-3-1-[0-9a-f]{8}\z");

    [Fact]
    public void SandboxHandle_OfHandlesThatOnlyDifferInSeparators_Differs() =>
        BuildDirectory.SandboxHandle("a-b/c").ShouldNotBe(BuildDirectory.SandboxHandle("a/b-c"));
}
