using System.Text.Json.Serialization;

namespace Grid.Buildpacks.Launch;

/// <summary>A process an app image can start (launch.toml <c>[[processes]]</c>, and again in metadata.toml).</summary>
public sealed record LaunchProcess
{
    /// <summary>Its name: letters, digits, '.', '_' and '-'.</summary>
    public required string Type { get; init; }

    /// <summary>Executable, then arguments that are always given. One element for Buildpack API below 0.9.</summary>
    public required IReadOnlyList<string> Command { get; init; }

    /// <summary>Arguments; for Buildpack API 0.9 and later those a user may replace. Null when none were written.</summary>
    public IReadOnlyList<string>? Args { get; init; }

    /// <summary>For Platform API below 0.10, whose commands have one element: the rest of the command, then the arguments.</summary>
    [JsonIgnore]
    public IReadOnlyList<string>? ArgsWithCommandTail => Command.Count > 1 ? [.. Command.Skip(1), .. Args ?? []] : Args;

    /// <summary>Started without a shell; always so for Buildpack API 0.9 and later.</summary>
    public bool Direct { get; init; }

    /// <summary>Declared as the default in its launch.toml. Not kept in metadata.toml, where one field names the default.</summary>
    public bool Default { get; init; }

    /// <summary>The buildpack that declared it.</summary>
    public string BuildpackId { get; init; } = "";

    /// <summary>Where it starts; the app directory when null.</summary>
    public string? WorkingDirectory { get; init; }

    /// <summary>Execution environments it is for; all when null.</summary>
    public IReadOnlyList<string>? ExecEnv { get; init; }
}

/// <summary>A label a buildpack puts on the app image (launch.toml <c>[[labels]]</c>).</summary>
public sealed record LaunchLabel(string Key, string Value);

/// <summary>Files of the app that get a layer of their own (launch.toml <c>[[slices]]</c>): globs relative to the app directory.</summary>
public sealed record LaunchSlice(IReadOnlyList<string> Paths);
