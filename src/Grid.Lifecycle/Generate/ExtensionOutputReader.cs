using System.Text;
using Grid.Buildpacks;
using Grid.Buildpacks.Descriptors;
using Grid.Buildpacks.Generate;
using Grid.Buildpacks.Toml;
using Grid.Dockerfiles;
using Grid.Oci.FileSystem;

namespace Grid.Lifecycle.Generate;

/// <summary>Reads and checks an extension's output directory (spec-facts §2.2 to §2.5).</summary>
internal static class ExtensionOutputReader
{
    // An extension's Dockerfile goes into grain state and messages; nobody writes one of this size by hand.
    private const int MaxDockerfileBytes = 1024 * 1024;

    public static ExtensionOutput Read(IFileTree files, GroupElement extension, string directory, ApiVersion platformApi)
    {
        var runText = ReadText(files, directory + "/run.Dockerfile");
        var buildText = ReadText(files, directory + "/build.Dockerfile");
        var run = runText is null ? null : ExtensionDockerfile.Read(runText, directory + "/run.Dockerfile", ImageKind.Run);
        var configText = ReadText(files, directory + "/extend-config.toml");
        var warnings = new List<string>();
        if (run is { Extends: true } && platformApi < new ApiVersion(0, 12))
            warnings.Add($"{directory}/run.Dockerfile: Platform API {platformApi} can only switch the run image; what stands behind FROM has no effect, use 0.12");
        var contexts = ContextDirectories.Find(files, directory);
        return new ExtensionOutput(extension, directory)
        {
            Run = run,
            RunText = runText ?? "",
            Build = buildText is null ? null : ExtensionDockerfile.Read(buildText, directory + "/build.Dockerfile", ImageKind.Build),
            BuildText = buildText ?? "",
            ConfigText = configText,
            Config = configText is null ? ExtendConfig.Empty : ExtendConfig.From(TomlFile.Parse(configText, directory + "/extend-config.toml"), warnings),
            OtherWarnings = warnings,
            Contexts = platformApi < new ApiVersion(0, 13) ? new ContextDirectories(null, null) : contexts,
        };
    }

    private static string? ReadText(IFileTree files, string path)
    {
        if (files.Stat(path, followLinks: false) is null)
            return null;
        using var stream = files.OpenRead(path);
        var buffer = new byte[MaxDockerfileBytes + 1];
        var length = stream.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false);
        if (length > MaxDockerfileBytes)
            throw new InvalidDataException($"{path}: is larger than {MaxDockerfileBytes / 1024} KiB; move data into the extension's context");
        return System.Text.Unicode.Utf8.IsValid(buffer.AsSpan(0, length))
            ? Encoding.UTF8.GetString(buffer, 0, length)
            : throw new InvalidDataException($"{path}: is not UTF-8");
    }
}
