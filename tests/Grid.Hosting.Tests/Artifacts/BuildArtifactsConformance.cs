using System.Text;
using Grid.Contracts.Builds;

namespace Grid.Hosting.Tests.Artifacts;

/// <summary>What every store of builds' artifacts must do.</summary>
public abstract class BuildArtifactsConformance
{
    /// <summary>The artifacts as one process has them; what an earlier one wrote is there. Skips the test when a server is missing.</summary>
    protected abstract Task<IBuildArtifacts> OpenAsync();

    protected static CancellationToken Token => TestContext.Current.CancellationToken;

    private static ArtifactFile File(string name, string text) => new(name, Encoding.UTF8.GetBytes(text));

    private static async Task<IEnumerable<string>> TextsAsync(IBuildArtifacts artifacts, string key) =>
        (await artifacts.ReadAsync(key, Token)).Select(f => $"{f.Name}: {Encoding.UTF8.GetString(f.Content.Span)}");

    [Fact]
    public async Task Files_of_all_parts_are_read_by_another_process()
    {
        var one = await OpenAsync();
        await one.WriteAsync("tenant/b", ArtifactPart.Export, [File("report.toml", "[image]"), File("sbom/launch/a/sbom.cdx.json", "export's")], Token);
        await one.WriteAsync("tenant/b", ArtifactPart.Build, [File("sbom/launch/a/sbom.cdx.json", "buildpack's"), File("empty", "")], Token);

        (await TextsAsync(await OpenAsync(), "tenant/b")).ShouldBe(["sbom/launch/a/sbom.cdx.json: buildpack's", "empty: ", "report.toml: [image]"]);
        (await TextsAsync(one, "tenant/other")).ShouldBeEmpty();
    }

    [Fact]
    public async Task Another_attempt_replaces_the_whole_part()
    {
        var artifacts = await OpenAsync();
        await artifacts.WriteAsync("tenant/b", ArtifactPart.Build, [File("a", "1"), File("b", "1")], Token);
        await artifacts.WriteAsync("tenant/b", ArtifactPart.Build, [File("b", "2")], Token);

        (await TextsAsync(artifacts, "tenant/b")).ShouldBe(["b: 2"]);
    }

    [Fact]
    public async Task Removed_files_are_gone_and_those_of_other_builds_stay()
    {
        var artifacts = await OpenAsync();
        foreach (var key in new[] { "tenant/b", "tenant/b2" })
        {
            foreach (var part in Enum.GetValues<ArtifactPart>())
                await artifacts.WriteAsync(key, part, [File(part.ToString(), key)], Token);
        }
        await artifacts.RemoveAsync("tenant/b", Token);
        await artifacts.RemoveAsync("tenant/b", Token);

        (await TextsAsync(artifacts, "tenant/b")).ShouldBeEmpty();
        (await TextsAsync(artifacts, "tenant/b2")).ShouldBe(["Build: tenant/b2", "Export: tenant/b2"]);
    }
}
