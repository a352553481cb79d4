using Grid.Dockerfiles.Expansion;
using Grid.Dockerfiles.Syntax;
using Grid.Oci;
using Grid.Oci.Images;

namespace Grid.Dockerfiles.Planning;

/// <summary>Evaluates one instruction. Throws <see cref="FormatException"/>; the planner adds the place.</summary>
internal sealed class StepWriter
{
    private const string DefaultPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    // BuildKit has them in /dev/pipes, but an OCI runtime makes /dev anew.
    private const string ScriptDirectory = "/run/heredocs/";
    private readonly Dockerfile _dockerfile;
    private readonly Instruction _instruction;
    private readonly int _position;
    private readonly ImageState _state;
    private readonly StageScope _scope;
    private readonly Lazy<Dictionary<string, string>> _values;
    private readonly WordExpander _expander;

    public StepWriter(Dockerfile dockerfile, Instruction instruction, int position, ImageState state, StageScope scope)
    {
        (_dockerfile, _instruction, _position, _state, _scope) = (dockerfile, instruction, position, state, scope);
        // Docker: "environment variables defined using the ENV instruction always override an ARG instruction of the same name".
        _values = new Lazy<Dictionary<string, string>>(Values);
        _expander = new WordExpander(dockerfile.Directives.Escape, name => _values.Value.GetValueOrDefault(name));
    }

    public PlannedStep Write() => _instruction switch
    {
        ArgInstruction arg => Config(_state.Config, Declare(arg)),
        EnvInstruction env => Config(ConfigChange.AddEnv(_state.Config, Expand(env.Variables))),
        LabelInstruction label => Config(ConfigChange.AddLabels(_state.Config, Expand(label.Labels))),
        UserInstruction user => Config(_state.Config with { User = User(user) }),
        ShellInstruction shell => Config(_state.Config with { Shell = shell.Shell }),
        CmdInstruction cmd => Config(_state.Config with { Cmd = InShell(cmd.Command) }),
        EntrypointInstruction entrypoint => Config(_state.Config with { Entrypoint = InShell(entrypoint.Command) }),
        OtherInstruction other => Config(ConfigChange.Describe(_state.Config, other, _expander)),
        WorkdirInstruction workdir => Workdir(workdir),
        RunInstruction run => Run(run),
        CopyInstruction copy => Copy(copy.Sources, copy.Destination, isAdd: false),
        AddInstruction add => Copy(add.Sources, add.Destination, isAdd: true),
        _ => throw new FormatException($"{_instruction.Keyword} cannot stand here"),
    };

    private Dictionary<string, string> Values()
    {
        var values = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var arg in _scope.Declared.Where(arg => arg.Value is not null))
            values[arg.Name] = arg.Value!;
        foreach (var entry in _state.Config.Env ?? [])
        {
            if (entry.IndexOf('=') is var equals and > 0)
                values[entry[..equals]] = entry[(equals + 1)..];
        }
        return values;
    }

    private ConfigStep Config(ContainerConfig config, StageScope? scope = null) => new()
    {
        Position = _position,
        Source = _instruction.Source,
        FileName = _dockerfile.FileName,
        Text = _instruction.Text,
        Before = _state,
        Next = _state with { Config = config },
        Scope = scope ?? _scope,
    };

    private StageScope Declare(ArgInstruction arg)
    {
        var scope = _scope;
        foreach (var declaration in arg.Declarations)
        {
            var seen = scope;
            var expander = new WordExpander(_dockerfile.Directives.Escape, name => _state.Variable(name) ?? seen.DeclaredValue(name));
            var value = scope.GivenValue(declaration.Name)
                ?? (declaration.Default is null ? scope.GlobalValue(declaration.Name) : expander.Expand(declaration.Default));
            Reject(declaration.Name, value);
            scope = scope.Declare(declaration.Name, value);
        }
        return scope;
    }

    private List<NameValue> Expand(IReadOnlyList<NameValue> pairs)
    {
        var expanded = new List<NameValue>();
        foreach (var pair in pairs)
        {
            var (name, value) = (_expander.Expand(pair.Name), _expander.Expand(pair.Value));
            if (name.Length == 0)
                throw new FormatException($"the name {pair.Name} is empty after expansion");
            Reject(name, value);
            expanded.Add(new NameValue(name, value));
        }
        return expanded;
    }

    // No kernel interface takes a NUL, and a name with "=" would be read back as another name.
    private static void Reject(string name, string? value)
    {
        if (name.Contains('\0') || value?.Contains('\0') == true)
            throw new FormatException("a name or value has a NUL character in it");
        if (name.Contains('='))
            throw new FormatException($"the name {name} has a '=' in it after expansion");
    }

    private string User(UserInstruction user)
    {
        var text = _expander.Expand(user.User);
        if (text.Trim(':').Length == 0)
            throw new FormatException($"USER {user.User} is empty after expansion, which would mean root; declare the ARGs it uses (ARG user_id) after FROM");
        UserText.Parse(text);
        return text;
    }

    private PlannedStep Workdir(WorkdirInstruction workdir)
    {
        var expanded = _expander.Expand(workdir.Path);
        if (expanded.Contains('\0'))
            throw new FormatException("a path has a NUL character in it");
        var path = ImagePath.Normalize(_state.WorkingDirectory, expanded);
        var next = _state with { Config = _state.Config with { WorkingDir = path } };
        if (path == "/")
            return Config(next.Config);
        return new WorkdirStep
        {
            Position = _position,
            Source = _instruction.Source,
            FileName = _dockerfile.FileName,
            Text = _instruction.Text,
            Before = _state,
            Next = next,
            Scope = _scope,
            Path = path,
            User = _state.Config.User ?? "",
        };
    }

    private RunStep Run(RunInstruction run)
    {
        CheckSecurity(run.Flag("security"));
        var mounts = new RunMountReader(_state.WorkingDirectory, (_, value) => _expander.Expand(value));
        var (command, script) = Script(run);
        var argv = InShell(command);
        if (argv.Any(argument => argument.Contains('\0')))
            throw new FormatException("a command has a NUL character in it");
        return new RunStep
        {
            Position = _position,
            Source = _instruction.Source,
            FileName = _dockerfile.FileName,
            Text = _instruction.Text,
            Before = _state,
            Next = _state,
            Scope = _scope,
            Argv = argv,
            Environment = RunEnvironment(),
            ProxyEnvironment = _scope.Proxies(),
            User = _state.Config.User ?? "",
            WorkingDirectory = _state.WorkingDirectory,
            Mounts = [.. run.Flags.Where(flag => flag.Name == "mount").Select(flag => mounts.Read(flag.Value))],
            Network = Network(run.Flag("network")),
            Script = script,
        };
    }

    // One here-document alone is the script itself; a "#!" in it chooses the interpreter. Anything else is given to the shell as it was written.
    private static (CommandLine Command, InlineFile? Script) Script(RunInstruction run)
    {
        if (run.Heredocs.Count == 0)
            return (run.Command, null);
        var text = run.Command.Arguments[0];
        if (HeredocSyntax.Read(text) is null)
        {
            var full = string.Concat(run.Heredocs.Select(heredoc => "\n" + heredoc.Content + heredoc.Name));
            return (new CommandLine([text + full], IsShell: true), null);
        }
        var document = run.Heredocs[0];
        if (!document.Body.StartsWith("#!", StringComparison.Ordinal))
            return (new CommandLine([document.Body], IsShell: true), null);
        if (document.Name.Contains('/') || document.Name is "." or "..")
            throw new FormatException($"'{document.Name}' cannot be the file name of a script; name the here-document with letters");
        var script = new InlineFile(ScriptDirectory + document.Name, document.Body);
        return (new CommandLine([script.Name], IsShell: true), script);
    }

    private IReadOnlyList<string> InShell(CommandLine command) =>
        command.IsShell && command.Arguments.Count > 0 ? [.. _state.Config.Shell ?? ["/bin/sh", "-c"], .. command.Arguments] : command.Arguments;

    private List<string> RunEnvironment()
    {
        var environment = _state.Config.Env?.ToList() ?? [];
        foreach (var arg in _scope.Declared)
        {
            if (arg.Value is not null && _state.Variable(arg.Name) is null)
                environment.Add(arg.Name + "=" + arg.Value);
        }
        if (!environment.Exists(entry => entry.StartsWith("PATH=", StringComparison.Ordinal)))
            environment.Insert(0, DefaultPath);
        return environment;
    }

    internal static void CheckSecurity(string? value)
    {
        if (value is not (null or "sandbox"))
            throw new FormatException($"security mode '{value}' is not permitted; only sandbox is");
    }

    internal static RunNetwork Network(string? value) => value switch
    {
        null or "default" => RunNetwork.Default,
        "none" => RunNetwork.None,
        "host" => throw new FormatException("network mode host is not permitted; use default or none"),
        _ => throw new FormatException($"unknown network mode '{value}'; use default or none"),
    };

    private CopyStep Copy(IReadOnlyList<string> sources, string destination, bool isAdd)
    {
        var copy = new CopyWriter(_instruction, _expander, isAdd);
        var target = _expander.Expand(destination);
        var (paths, urls) = copy.Sources(sources);
        var inline = copy.InlineFiles(sources.Count);
        var isDirectory = ImagePath.MeansDirectory(target);
        if (paths.Count + urls.Count + inline.Count > 1 && !isDirectory)
            throw new FormatException($"When using {_instruction.Keyword} with more than one source file, the destination must be a directory and end with a /");
        return new CopyStep
        {
            Position = _position,
            Source = _instruction.Source,
            FileName = _dockerfile.FileName,
            Text = _instruction.Text,
            Before = _state,
            Next = _state,
            Scope = _scope,
            Sources = paths,
            Urls = urls,
            Checksum = copy.Checksum(urls.Count, paths.Count),
            InlineFiles = inline,
            Destination = target.Contains('\0') ? throw new FormatException("a path has a NUL character in it") : ImagePath.Normalize(_state.WorkingDirectory, target),
            DestinationIsDirectory = isDirectory,
            Chown = copy.Chown(),
            Chmod = copy.Chmod(),
            Link = _instruction.Switch("link"),
            Exclude = copy.Exclude(),
            Parents = _instruction.Switch("parents"),
            IsAdd = isAdd,
            Unpack = isAdd && _instruction.Flag("unpack") != "false",
            UnpackUrls = isAdd && _instruction.Switch("unpack"),
        };
    }
}
