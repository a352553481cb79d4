using System.Runtime.CompilerServices;
using System.Text.Json;
using Grid.Api.Problems;

namespace Grid.Api.Tests;

/// <summary>What is written about the API is what it does.</summary>
public sealed class DescriptionTests(ApiUnderTest api) : IClassFixture<ApiUnderTest>
{
    private static readonly string Docs = Path.Combine(Root(), "docs");

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    [Fact]
    public async Task The_committed_OpenAPI_document_is_the_one_that_is_served()
    {
        var file = Path.Combine(Docs, "openapi.json");
        using var served = JsonDocument.Parse(await api.Http(null).GetStringAsync(new Uri("openapi/v1.json", UriKind.Relative), TestContext.Current.CancellationToken));
        var text = JsonSerializer.Serialize(served, Indented) + "\n";
        if (Environment.GetEnvironmentVariable("GRID_UPDATE_DOCS") == "1")
            await File.WriteAllTextAsync(file, text, TestContext.Current.CancellationToken);

        var committed = await File.ReadAllLinesAsync(file, TestContext.Current.CancellationToken);
        var lines = text.TrimEnd('\n').Split('\n');
        var different = Enumerable.Range(0, Math.Max(lines.Length, committed.Length)).FirstOrDefault(n => lines.ElementAtOrDefault(n) != committed.ElementAtOrDefault(n), -1);
        if (different >= 0)
            Assert.Fail($"docs/openapi.json:{different + 1} has '{committed.ElementAtOrDefault(different)}', the API serves '{lines.ElementAtOrDefault(different)}'; run these tests with GRID_UPDATE_DOCS=1");
    }

    [Fact]
    public void The_document_names_every_route_by_an_operation() =>
        File.ReadAllText(Path.Combine(Docs, "openapi.json")).Split("\"operationId\"").Length.ShouldBeGreaterThan(15);

    [Fact]
    public void Every_error_code_stands_in_the_list()
    {
        var listed = File.ReadLines(Path.Combine(Docs, "errors.md")).Where(l => l.StartsWith("| `", StringComparison.Ordinal)).Select(l => l.Split('`')[1]);
        listed.ShouldBe(ProblemCode.All.Keys, ignoreOrder: true);
    }

    private static string Root([CallerFilePath] string here = "")
    {
        var directory = new DirectoryInfo(File.Exists(here) ? Path.GetDirectoryName(here)! : AppContext.BaseDirectory);
        while (directory is not null && !File.Exists(Path.Combine(directory.FullName, "Grid.sln")))
            directory = directory.Parent;
        return directory?.FullName ?? throw new InvalidOperationException("Grid.sln is in no directory above the tests");
    }
}
