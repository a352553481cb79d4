using System.Text;
using Grid.Buildpacks.Generate;
using Grid.Buildpacks.Toml;
using Grid.Dockerfiles;
using Grid.Dockerfiles.Context;
using Grid.Dockerfiles.Syntax;
using Grid.Oci.FileSystem;

namespace Grid.Lifecycle.Extend.Linting;

/// <summary>Looks at an output directory: Dockerfiles, extend-config.toml and contexts together.</summary>
internal sealed class OutputLinter
{
    private const string ConfigName = "extend-config.toml";
    private readonly IFileTree _files;
    private readonly string _directory;
    private readonly string _prefix;
    private readonly List<LintFinding> _findings = [];
    private readonly List<ExtensionDockerfile> _read = [];

    private OutputLinter(IFileTree files, string directory, string prefix) => (_files, _directory, _prefix) = (files, directory, prefix);

    public static string NameOf(ImageKind kind) => kind == ImageKind.Build ? "build.Dockerfile" : "run.Dockerfile";

    /// <summary>What is found below a directory; names in findings begin with <paramref name="prefix"/>.</summary>
    public static IReadOnlyList<LintFinding> Lint(IFileTree files, string directory, string prefix)
    {
        var linter = new OutputLinter(files, directory, prefix);
        linter.Lint();
        return linter._findings;
    }

    public static LintFinding Of(TomlFormatException e, string file) => new(file, e.Line, e.Column, IsError: true, MessageOf(e), "");

    private void Lint()
    {
        var config = ReadConfig();
        var contexts = FindContexts();
        foreach (var kind in new[] { ImageKind.Build, ImageKind.Run })
        {
            if (_files.Stat($"{_directory}/{NameOf(kind)}") is null)
                continue;
            var args = (kind == ImageKind.Build ? config.BuildArgs : config.RunArgs).Select(arg => new Dockerfiles.Planning.BuildArg(arg.Name, arg.Value)).ToList();
            LintDockerfile(kind, args, kind == ImageKind.Build ? contexts.Build : contexts.Run);
        }
        foreach (var (kind, args) in new[] { (ImageKind.Build, config.BuildArgs), (ImageKind.Run, config.RunArgs) })
        {
            foreach (var arg in args.Where(arg => !Declares(kind, arg.Name)))
                Add(ConfigName, 1, 1, isError: false, $"no {NameOf(kind)} declares the argument {arg.Name}", $"add ARG {arg.Name} behind FROM, or remove it here");
        }
    }

    private bool Declares(ImageKind kind, string name) => _read.Any(file => file.Kind == kind
        && file.Dockerfile.Instructions.OfType<ArgInstruction>().Any(arg => arg.Declarations.Any(declaration => declaration.Name == name)));

    private void LintDockerfile(ImageKind kind, IReadOnlyList<Dockerfiles.Planning.BuildArg> args, string? context)
    {
        var name = NameOf(kind);
        try
        {
            var file = ExtensionDockerfile.ReadWhole(ReadText($"{_directory}/{name}"), name, kind);
            _read.Add(file);
            DockerfileLinter.Lint(file, args, context is null ? null : Index(context), (at, isError, message, advice) => Add(name, at.Line, at.Column, isError, message, advice));
        }
        catch (DockerfileException e)
        {
            Add(name, e.Line, e.Column, isError: true, e.What, e.Advice);
        }
        catch (InvalidDataException e)
        {
            Add(name, 1, 1, isError: true, e.Message, "");
        }
    }

    private ExtendConfig ReadConfig()
    {
        if (_files.Stat($"{_directory}/{ConfigName}") is null)
            return ExtendConfig.Empty;
        try
        {
            var warnings = new List<string>();
            var config = ExtendConfig.From(TomlFile.Parse(ReadText($"{_directory}/{ConfigName}"), ConfigName), warnings);
            foreach (var warning in warnings)
                Add(ConfigName, 1, 1, isError: false, warning, "");
            return config;
        }
        catch (TomlFormatException e)
        {
            _findings.Add(Of(e, _prefix + ConfigName));
        }
        catch (InvalidDataException e)
        {
            Add(ConfigName, 1, 1, isError: true, e.Message, "");
        }
        return ExtendConfig.Empty;
    }

    private ContextDirectories FindContexts()
    {
        try
        {
            return ContextDirectories.Find(_files, _directory);
        }
        catch (InvalidDataException)
        {
            Add("context", 1, 1, isError: true, "context and a context for one kind of image are both there", "keep context, or context.build and context.run");
            return new ContextDirectories(null, null);
        }
    }

    /// <summary>The context's names without what .dockerignore leaves out; digests are not needed to see what matches.</summary>
    private ContextIndex? Index(string directory)
    {
        var entries = new List<ContextEntry>();
        Collect(directory, "", entries);
        var index = ContextIndex.Create(entries);
        if (_files.Stat($"{directory}/{IgnoreFile.FileName}") is null)
            return index;
        try
        {
            return IgnoreFile.Parse(ReadText($"{directory}/{IgnoreFile.FileName}")).Apply(index);
        }
        catch (FormatException e)
        {
            Add(Path.GetFileName(directory) + "/" + IgnoreFile.FileName, 1, 1, isError: true, e.Message, "correct the pattern");
            return null;
        }
    }

    private void Collect(string directory, string prefix, List<ContextEntry> entries)
    {
        foreach (var file in _files.List(directory))
        {
            var path = prefix + file.Name;
            if (file.Kind is not (FileKind.Regular or FileKind.Directory or FileKind.SymbolicLink))
            {
                Add($"{Path.GetFileName(directory)}/{path}", 1, 1, isError: true, $"is a {file.Kind}", "a context has only files, directories and links");
                continue;
            }
            var type = file.IsDirectory ? ContextEntryType.Directory : file.IsFile ? ContextEntryType.File : ContextEntryType.SymbolicLink;
            entries.Add(new ContextEntry(path, type, file.Mode, file.Size, LinkTarget: file.LinkTarget));
            if (file.IsDirectory)
                Collect($"{directory}/{file.Name}", path + "/", entries);
        }
    }

    private string ReadText(string path)
    {
        using var stream = _files.OpenRead(path);
        using var bytes = new MemoryStream();
        stream.CopyTo(bytes);
        return System.Text.Unicode.Utf8.IsValid(bytes.ToArray()) ? Encoding.UTF8.GetString(bytes.ToArray()) : throw new InvalidDataException("is not UTF-8");
    }

    private void Add(string file, int line, int column, bool isError, string message, string advice) =>
        _findings.Add(new LintFinding(_prefix + file, line, column, isError, message, advice));

    // The place stands in front of the message already.
    private static string MessageOf(TomlFormatException e) => e.Message[$"{e.File}:{e.Line}:{e.Column}: ".Length..];
}
