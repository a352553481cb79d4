using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Grid.EndToEnd.Tests.Fixtures;

namespace Grid.EndToEnd.Tests.Extend;

/// <summary>A recorded case: Dockerfiles with their contexts, and what the reference lifecycle and Docker's classic builder made of them.</summary>
public sealed partial class GoldenExtendCase
{
    private readonly string _directory;

    public GoldenExtendCase(string name) => (Name, _directory) = (name, Path.Combine(Root, name));

    public static IEnumerable<string> Names => Directory.GetDirectories(Root).Select(directory => Path.GetFileName(directory)!).Order(StringComparer.Ordinal);

    public string Name { get; }

    public string Kind => Json("case.json")!.Value.GetProperty("kind").GetString()!;

    /// <summary>Exit code of the reference's extender.</summary>
    public int ReferenceExitCode => int.Parse(File.ReadAllText(Path.Combine(_directory, "expected", "exit-code")), CultureInfo.InvariantCulture);

    /// <summary>Docker's result, or null: it failed, or was never asked.</summary>
    public JsonElement? Docker => Json("expected/docker-build.json");

    /// <summary>The image of the reference, or null when it failed or made none.</summary>
    public JsonElement? Reference => Json("expected/extended-image.json");

    /// <summary>Lays the input out and gives the Dockerfiles in the order of their extensions.</summary>
    public async Task<IReadOnlyList<string>> LayOutAsync(string directory)
    {
        await Tool.RunAsync("cp", "-rT", Path.Combine(_directory, "input"), directory);
        // Checkouts keep no more of a mode than whether a file is executable.
        foreach (var file in Directory.EnumerateFiles(directory, "*", SearchOption.AllDirectories))
            File.SetUnixFileMode(file, (UnixFileMode)(File.GetUnixFileMode(file).HasFlag(UnixFileMode.UserExecute) ? 0b111_101_101 : 0b110_100_100));
        if (Name == "030-copy-mode")
        {
            await Tool.RunAsync("chmod", "4755", Path.Combine(directory, "generated/t_e0/context/s"));
            await Tool.RunAsync("chmod", "400", Path.Combine(directory, "generated/t_e0/context/r"));
        }
        return [.. ExtensionId().Matches(File.ReadAllText(Path.Combine(directory, "group.toml"))).Select(match =>
            Path.Combine(directory, "generated", match.Groups["id"].Value.Replace('/', '_'), Kind + ".Dockerfile"))];
    }

    /// <summary>The members of each layer that has some, bottom first, by Docker or else by the reference.</summary>
    public IReadOnlyList<IReadOnlyList<LayerMember>> Layers()
    {
        var layers = Docker is { } docker ? docker.GetProperty("new_layers") : Reference?.GetProperty("layers");
        return layers is null ? [] : [.. layers.Value.EnumerateArray()
            .Where(layer => layer.TryGetProperty("members", out var members) && members.GetArrayLength() > 0)
            .Select(layer => LayerMember.Read(layer.GetProperty("members")))];
    }

    private static string Root => Path.Combine(TestMachine.Repository, "tests/golden/extend");

    private JsonElement? Json(string path) =>
        File.Exists(Path.Combine(_directory, path)) ? JsonSerializer.Deserialize<JsonElement>(File.ReadAllText(Path.Combine(_directory, path))) : null;

    [GeneratedRegex("""^\[\[group-extensions\]\]\s+id = "(?<id>[^"]+)"$""", RegexOptions.Multiline | RegexOptions.ExplicitCapture)]
    private static partial Regex ExtensionId();
}
