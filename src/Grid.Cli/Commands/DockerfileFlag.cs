using System.Text;
using Grid.Buildpacks;
using Grid.Buildpacks.Generate;
using Grid.Buildpacks.Toml;
using Grid.Dockerfiles;
using Grid.Dockerfiles.Planning;

namespace Grid.Cli.Commands;

/// <summary>
/// A Dockerfile of <c>grid extend</c>. One that is called <c>build.Dockerfile</c> or <c>run.Dockerfile</c> stands in the output directory of an extension: the
/// extend-config.toml and the context beside it count, as in a build.
/// </summary>
internal sealed record DockerfileFlag
{
    private const int MaxBytes = 1024 * 1024;

    public required string Text { get; init; }

    public required string FileName { get; init; }

    /// <summary>Name of the directory, which stands for the extension in messages.</summary>
    public required string Extension { get; init; }

    public required ImageKind Kind { get; init; }

    /// <summary>Directory of the context; null for an empty one.</summary>
    public string? Context { get; init; }

    /// <summary>Arguments of extend-config.toml.</summary>
    public IReadOnlyList<BuildArg> Args { get; init; } = [];

    public IReadOnlyList<string> Warnings { get; init; } = [];

    /// <summary>Reads and checks the file.</summary>
    /// <exception cref="DockerfileException">It may not be used.</exception>
    public static DockerfileFlag Read(FileInfo file, ImageKind kind, DirectoryInfo? context)
    {
        if (!file.Exists)
            throw new LifecycleException(ExitCode.InvalidArgs, $"--dockerfile: there is no file {file.FullName}");
        if (file.Length > MaxBytes)
            throw new LifecycleException(ExitCode.GenerateError, $"{file.FullName} is larger than {MaxBytes / 1024} KiB; move data into the context");
        var text = File.ReadAllText(file.FullName, new UTF8Encoding(false, throwOnInvalidBytes: true));
        var dockerfile = ExtensionDockerfile.Read(text, file.FullName, kind);
        var warnings = dockerfile.Warnings.ToList();
        if (dockerfile.SwitchTo is { } other)
            warnings.Add($"{file.Name} is written FROM {other}; the image of --base is extended all the same");
        var directory = file.DirectoryName!;
        var generated = file.Name == (kind == ImageKind.Build ? "build.Dockerfile" : "run.Dockerfile");
        return new DockerfileFlag
        {
            Text = text,
            FileName = file.Name,
            Extension = Path.GetFileName(directory),
            Kind = kind,
            Context = context?.FullName ?? ContextBeside(directory, kind),
            Args = generated ? ConfigBeside(directory, kind, warnings) : [],
            Warnings = warnings,
        };
    }

    private static string? ContextBeside(string directory, ImageKind kind) =>
        new[] { kind == ImageKind.Build ? "context.build" : "context.run", "context" }.Select(name => Path.Combine(directory, name)).FirstOrDefault(Directory.Exists);

    private static List<BuildArg> ConfigBeside(string directory, ImageKind kind, List<string> warnings)
    {
        var path = Path.Combine(directory, "extend-config.toml");
        if (!File.Exists(path))
            return [];
        try
        {
            var config = ExtendConfig.From(TomlFile.Parse(File.ReadAllText(path), path), warnings);
            return [.. (kind == ImageKind.Build ? config.BuildArgs : config.RunArgs).Select(arg => new BuildArg(arg.Name, arg.Value))];
        }
        catch (TomlFormatException e)
        {
            throw new LifecycleException(ExitCode.GenerateError, e.Message, e);
        }
    }
}
