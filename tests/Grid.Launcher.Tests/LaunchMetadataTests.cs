namespace Grid.Launcher.Tests;

public sealed class LaunchMetadataTests
{
    /// <summary>Files that the reference lifecycle wrote.</summary>
    [Theory]
    [InlineData("ext-0.13", "t_full t_second t_needs")]
    [InlineData("plain-0.13", "t_full t_second")]
    public void Read_RecordedFile_HasAllProcesses(string name, string buildpacks)
    {
        var file = Directory.GetFiles(AppContext.BaseDirectory, "metadata.toml", SearchOption.AllDirectories)
            .Single(path => path.Contains("/" + name + "/", StringComparison.Ordinal));
        var metadata = LaunchMetadata.Read(file);
        string.Join(' ', metadata.Buildpacks.Select(buildpack => buildpack.DirectoryName)).ShouldBe(buildpacks);
        metadata.Processes.Select(process => process.Type).ShouldBe(["task", "web", "worker"]);
        metadata.Processes[1].Command.ShouldBe(["tool", "base-arg"]);
        metadata.Processes[1].Args.ShouldBe(["user-arg"]);
    }

    [Fact]
    public void Read_NoSuchFile_SaysWhatToDo() =>
        Should.Throw<LaunchException>(() => LaunchMetadata.Read("/nowhere/metadata.toml")).Message.ShouldContain("CNB_LAYERS_DIR");
}
