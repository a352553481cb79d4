using Grid.Dockerfiles.Expansion;
using Grid.Dockerfiles.Syntax;
using Grid.Oci.Images;

namespace Grid.Dockerfiles.Planning;

/// <summary>
/// Turns the instructions behind FROM into steps, one at a time: what one step does to the configuration and the ARGs is known only from
/// the step before, and what its layer is only when it has run (or was found). Pure; the same inputs give the same step on every node.
/// </summary>
/// <example><code>
/// var planner = StagePlanner.Start(extension.Dockerfile, image, args);
/// var (state, scope) = (planner.InitialState, planner.InitialScope);
/// for (var i = 0; i &lt; planner.Count; i++)
/// {
///     var step = planner.Plan(i, state, scope);
///     (state, scope) = (step.After(step.NeedsLayer ? await RunOrFind(step) : null), step.Scope);
/// }
/// </code></example>
public sealed class StagePlanner
{
    private readonly Dockerfile _dockerfile;
    private readonly IReadOnlyList<Instruction> _instructions;

    private StagePlanner(Dockerfile dockerfile, IReadOnlyList<Instruction> instructions, ImageState state, StageScope scope)
    {
        _dockerfile = dockerfile;
        _instructions = instructions;
        InitialState = state;
        InitialScope = scope;
    }

    /// <summary>Number of instructions behind FROM.</summary>
    public int Count => _instructions.Count;

    /// <summary>The image FROM stands for.</summary>
    public ImageState InitialState { get; }

    /// <summary>The given and global ARGs; nothing declared yet.</summary>
    public StageScope InitialScope { get; }

    /// <summary>
    /// Prepares the only stage of a Dockerfile. <paramref name="initial"/> is the image to build on, whatever FROM says; ONBUILD triggers of
    /// that image are kept, never run. Of equal names in <paramref name="args"/> the last counts. Throws <see cref="DockerfileException"/>
    /// when there is not exactly one FROM or an ARG before it cannot be expanded.
    /// </summary>
    public static StagePlanner Start(Dockerfile dockerfile, ImageState initial, IReadOnlyList<BuildArg> args)
    {
        var froms = dockerfile.Instructions.Select((instruction, index) => (instruction, index)).Where(item => item.instruction is FromInstruction).ToList();
        if (froms.Count != 1)
        {
            var line = froms.Count == 0 ? 1 : froms[1].instruction.Source.Line;
            throw new DockerfileException(dockerfile.FileName, line, 1, $"file has {froms.Count} FROM instructions", "an extension has exactly one");
        }
        var global = GlobalArgs(dockerfile, froms[0].index, initial, args);
        var scope = new StageScope { Given = [.. args], Global = global };
        return new StagePlanner(dockerfile, [.. dockerfile.Instructions.Skip(froms[0].index + 1)], initial, scope);
    }

    /// <summary>As the other overload, for a file that was read as an extension's.</summary>
    public static StagePlanner Start(ExtensionDockerfile extension, ImageState initial, IReadOnlyList<BuildArg> args) =>
        Start(extension.Dockerfile, initial, args);

    /// <summary>
    /// Plans one instruction over the state and ARGs the step before left. Throws <see cref="DockerfileException"/> when it cannot be
    /// evaluated (a bad substitution, a mount option that is not permitted, several sources for one file).
    /// </summary>
    public PlannedStep Plan(int position, ImageState state, StageScope scope)
    {
        var instruction = _instructions[position];
        try
        {
            return new StepWriter(_dockerfile, instruction, position, state, scope).Write();
        }
        catch (FormatException e)
        {
            throw new DockerfileException(_dockerfile.FileName, instruction.Source.Line, instruction.Source.Column, e.Message, $"correct the {instruction.Keyword} instruction");
        }
    }

    private static List<BuildArg> GlobalArgs(Dockerfile dockerfile, int count, ImageState initial, IReadOnlyList<BuildArg> args)
    {
        var global = PlatformArgs(initial);
        foreach (var instruction in dockerfile.Instructions.Take(count).OfType<ArgInstruction>())
        {
            foreach (var declaration in instruction.Declarations)
            {
                var expander = new WordExpander(dockerfile.Directives.Escape, name => global.LastOrDefault(arg => arg.Name == name)?.Value);
                var value = args.LastOrDefault(arg => arg.Name == declaration.Name)?.Value ?? Default(expander, declaration, dockerfile, instruction);
                if (global.Count == StageScope.MaxArgs)
                    throw new DockerfileException(dockerfile.FileName, instruction.Source.Line, instruction.Source.Column, $"more than {StageScope.MaxArgs} ARGs are declared", "declare fewer");
                if (value is not null)
                    global.Add(new BuildArg(declaration.Name, value));
            }
        }
        return global;
    }

    private static string? Default(WordExpander expander, ArgDeclaration declaration, Dockerfile dockerfile, Instruction instruction)
    {
        try
        {
            return declaration.Default is null ? null : expander.Expand(declaration.Default);
        }
        catch (FormatException e)
        {
            throw new DockerfileException(dockerfile.FileName, instruction.Source.Line, instruction.Source.Column, e.Message, "correct the ARG's default value");
        }
    }

    private static List<BuildArg> PlatformArgs(ImageState initial)
    {
        var platform = initial.Os + "/" + initial.Arch + (initial.Variant is null ? "" : "/" + initial.Variant);
        var args = new List<BuildArg>();
        foreach (var prefix in new[] { "TARGET", "BUILD" })
        {
            args.Add(new BuildArg(prefix + "PLATFORM", platform));
            args.Add(new BuildArg(prefix + "OS", initial.Os));
            args.Add(new BuildArg(prefix + "ARCH", initial.Arch));
            args.Add(new BuildArg(prefix + "VARIANT", initial.Variant ?? ""));
        }
        return args;
    }
}
