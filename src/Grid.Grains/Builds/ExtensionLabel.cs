using System.Text.Json;
using Grid.Contracts.Apps;

namespace Grid.Grains.Builds;

/// <summary>Prior-build extension metadata as it goes onto the image, so that another grid can use it (spec-facts §14 row 20).</summary>
public static class ExtensionLabel
{
    /// <summary>The label's name.</summary>
    public const string Name = "io.grid.extensions.metadata";

    /// <summary>The label for these records; none when no extension was applied.</summary>
    public static Dictionary<string, string> For(IReadOnlyList<ExtensionRecord> records)
    {
        if (records.Count == 0)
            return [];
        var json = JsonSerializer.Serialize(records.Select(r => new
        {
            id = r.ExtensionId,
            version = r.ExtensionVersion,
            kind = r.Kind.ToString().ToLowerInvariant(),
            dockerfile = r.Dockerfile.ToString(),
            args = r.Args.ToDictionary(a => a.Name, a => a.Value),
            baseImage = r.BaseImage.ToString(),
            steps = r.Steps.Select(s => new { line = s.Line, key = s.Key.Digest.ToString(), diffId = s.DiffId.ToString() }),
        }));
        return new() { [Name] = json };
    }
}
