using Grid.Contracts.Builds;
using Grid.Hosting.Artifacts;

namespace Grid.Hosting.Tests.Artifacts;

public sealed class FileArtifactsTests : BuildArtifactsConformance, IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("grid-artifacts-").FullName;

    protected override Task<IBuildArtifacts> OpenAsync() => Task.FromResult<IBuildArtifacts>(new FileArtifacts(_directory));

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task Read_ADamagedArchive_SaysWhich()
    {
        var artifacts = await OpenAsync();
        await artifacts.WriteAsync("tenant/b", ArtifactPart.Build, [new ArtifactFile("a", "1"u8.ToArray())], Token);
        var archive = Directory.GetFiles(_directory, "build.zip", SearchOption.AllDirectories).Single();
        await File.WriteAllTextAsync(archive, "no archive", Token);

        (await Should.ThrowAsync<IOException>(() => artifacts.ReadAsync("tenant/b", Token))).Message.ShouldContain(archive);
    }
}
