using System.Text.Json;
using System.Text.Json.Serialization;
using Grid.Buildpacks.Launch;
using Grid.Buildpacks.Sbom;

namespace Grid.Buildpacks.Metadata;

/// <summary>The label <c>io.buildpacks.build.metadata</c>: who built the app and which processes it has (platform.md §Labels).</summary>
public static class BuildLabel
{
    /// <summary>The label's name.</summary>
    public const string Label = "io.buildpacks.build.metadata";

    /// <summary>The text of the label.</summary>
    /// <param name="build">What the build phase found out.</param>
    /// <param name="launcher">The launcher in the image.</param>
    /// <param name="platformApi">Below 0.9 the deprecated <c>bom</c> stands in it; below 0.10 commands are strings.</param>
    public static string ToLabel(BuildMetadata build, LauncherMetadata launcher, string platformApi)
    {
        return LabelJson.Write(new Document
        {
            Bom = platformApi.IsBelow("0.9") ? JsonSerializer.SerializeToElement(build.Bom.Count == 0 ? null : build.Bom) : null,
            Buildpacks = [.. build.Buildpacks.Select(Ref)],
            Extensions = build.Extensions.Count == 0 ? null : [.. build.Extensions.Select(Ref)],
            Launcher = launcher,
            Processes = build.Processes.Count == 0 ? null : [.. build.Processes.Select(process => ProcessLabel.From(process, platformApi))],
            DefaultProcessType = build.DefaultProcessType.Length == 0 ? null : build.DefaultProcessType,
        });
    }

    private static BuildpackRef Ref(GroupElement module) =>
        new(module.Id, module.Version) { Homepage = string.IsNullOrEmpty(module.Homepage) ? null : module.Homepage };

    private sealed record Document
    {
        // A JSON null is written, an absent element is not.
        [JsonPropertyName("bom"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
        public JsonElement? Bom { get; init; }

        [JsonPropertyName("buildpacks")]
        public required IReadOnlyList<BuildpackRef> Buildpacks { get; init; }

        [JsonPropertyName("extensions"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
        public IReadOnlyList<BuildpackRef>? Extensions { get; init; }

        [JsonPropertyName("launcher")]
        public required LauncherMetadata Launcher { get; init; }

        [JsonPropertyName("processes")]
        public IReadOnlyList<ProcessLabel>? Processes { get; init; }

        [JsonPropertyName("buildpack-default-process-type"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
        public string? DefaultProcessType { get; init; }
    }

    private sealed record ProcessLabel
    {
        [JsonPropertyName("type")]
        public required string Type { get; init; }

        [JsonPropertyName("command")]
        public JsonElement Command { get; init; }

        [JsonPropertyName("args")]
        public IReadOnlyList<string>? Args { get; init; }

        [JsonPropertyName("direct")]
        public bool Direct { get; init; }

        [JsonPropertyName("buildpackID")]
        public required string BuildpackId { get; init; }

        [JsonPropertyName("working-dir"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
        public string? WorkingDirectory { get; init; }

        [JsonPropertyName("exec-env"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
        public IReadOnlyList<string>? ExecEnv { get; init; }

        public static ProcessLabel From(LaunchProcess process, string platformApi) => new()
        {
            Type = process.Type,
            Command = platformApi.IsBelow("0.10")
                ? JsonSerializer.SerializeToElement(process.Command[0])
                : JsonSerializer.SerializeToElement(process.Command),
            Args = platformApi.IsBelow("0.10") ? process.ArgsWithCommandTail : process.Args,
            Direct = process.Direct,
            BuildpackId = process.BuildpackId,
            WorkingDirectory = string.IsNullOrEmpty(process.WorkingDirectory) ? null : process.WorkingDirectory,
            ExecEnv = process.ExecEnv is { Count: > 0 } ? process.ExecEnv : null,
        };
    }
}

/// <summary>The launcher in an app image, as the build label names it.</summary>
public sealed record LauncherMetadata
{
    [JsonPropertyName("version")]
    public string Version { get; init; } = "";

    [JsonPropertyName("source")]
    public LauncherSource Source { get; init; } = new();
}

/// <summary>Where the launcher's code is.</summary>
public sealed record LauncherSource
{
    [JsonPropertyName("git")]
    public GitSource Git { get; init; } = new();
}

/// <summary>A git repository and commit.</summary>
public sealed record GitSource
{
    [JsonPropertyName("repository")]
    public string Repository { get; init; } = "";

    [JsonPropertyName("commit")]
    public string Commit { get; init; } = "";
}
