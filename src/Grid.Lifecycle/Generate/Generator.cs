using System.Text;
using Grid.Buildpacks;
using Grid.Buildpacks.Build;
using Grid.Buildpacks.Descriptors;
using Grid.Buildpacks.Generate;
using Grid.Buildpacks.Toml;
using Grid.Dockerfiles;
using Grid.Dockerfiles.Planning;
using Grid.Dockerfiles.Syntax;
using Grid.Lifecycle.Detect;
using Grid.Oci.FileSystem;
using Grid.Sandbox;

namespace Grid.Lifecycle.Generate;

/// <summary>The generate phase (image_extension.md §Phase: Generation): extensions write Dockerfiles, which are checked and decide about the run image.</summary>
public sealed class Generator
{
    private const int MaxDockerfileBytes = 1 << 20;
    private readonly ISandbox _sandbox;
    private readonly GenerateInput _input;
    private readonly IPhaseLog _log;
    private readonly ModuleProcess _process;

    private Generator(ISandbox sandbox, GenerateInput input, IPhaseLog log)
    {
        (_sandbox, _input, _log) = (sandbox, input, log);
        _process = new ModuleProcess(sandbox.Files, input.Environment);
    }

    private IFileTree Files => _sandbox.Files;

    private PhaseEnvironment Environment => _input.Environment;

    /// <summary>Runs the phase.</summary>
    /// <exception cref="LifecycleException">91: a bin/generate failed; 92: what one wrote cannot be used. The message names extension, file and line.</exception>
    public static async Task<GenerateResult> GenerateAsync(ISandbox sandbox, GenerateInput input, IPhaseLog log, CancellationToken cancellationToken)
    {
        try
        {
            return await new Generator(sandbox, input, log).RunAsync(cancellationToken);
        }
        catch (Exception e) when (e is DockerfileException or TomlFormatException)
        {
            throw new LifecycleException(ExitCode.GenerateError, e.Message, e);
        }
    }

    private async Task<GenerateResult> RunAsync(CancellationToken cancellationToken)
    {
        var modules = new ModuleStore(Files, Environment.BuildpacksDirectory, Environment.ExtensionsDirectory);
        var plan = _input.Plan;
        var generated = new List<GeneratedExtension>();
        foreach (var element in _input.Group.Extensions)
        {
            var requires = For(plan, element);
            var output = await OutputOfAsync(modules.Find(ModuleKind.Extension, element.Id, element.Version), element, requires, cancellationToken);
            generated.Add(Read(element, output));
            plan = BuildpackPlan.Without(plan, requires.Select(r => r.Name).ToHashSet(StringComparer.Ordinal));
        }
        return ChooseRunImage(plan, generated);
    }

    /// <summary>The directory with an extension's output: what bin/generate wrote, or the extension's own <c>generate</c> (spec-facts §14 row 10).</summary>
    private async Task<string> OutputOfAsync(ModuleDescriptor module, GroupElement element, IReadOnlyList<PlanRequire> requires, CancellationToken cancellationToken)
    {
        if (Files.Stat(module.Directory + "/bin/generate") is null)
            return module.Directory + "/generate";
        var output = $"{Environment.GeneratedDirectory}/{element.EscapedId}";
        Files.CreateDirectory(output, 0b111_101_101, _process.Owner);
        var planDirectory = _process.NewDirectory("plan");
        try
        {
            var plan = planDirectory + "/plan.toml";
            Files.WriteFile(plan, Encoding.UTF8.GetBytes(BuildpackPlan.Write(requires)), 0b110_100_100, _process.Owner);
            var variables = _process.Variables(module,
                [("CNB_BP_PLAN_PATH", plan), ("CNB_OUTPUT_DIR", output), ("CNB_PLATFORM_DIR", Environment.PlatformDirectory), ("CNB_EXTENSION_DIR", module.Directory)]);
            var result = await _sandbox.RunAsync(
                new ProcessSpec([module.Directory + "/bin/generate", output, Environment.PlatformDirectory, plan], variables, Environment.AppDirectory, Environment.User) { Output = _log },
                cancellationToken);
            if (result.ExitCode != 0)
                throw new LifecycleException(ExitCode.GenerateFailed, $"extension {element}: bin/generate failed with exit code {result.ExitCode}");
        }
        finally
        {
            Files.Delete(planDirectory);
        }
        return output;
    }

    private static IReadOnlyList<PlanRequire> For(BuildPlan plan, GroupElement extension) =>
    [
        .. plan.Entries.Where(e => e.Providers.Any(p => p.Kind == ModuleKind.Extension && p.Id == extension.Id)).SelectMany(e => e.Requires),
    ];

    private GeneratedExtension Read(GroupElement element, string output)
    {
        if (Files.Stat(output) is not { IsDirectory: true })
            return new GeneratedExtension(element.Id, element.Version);
        var config = TomlFile.ReadIfExists(Files, output + "/extend-config.toml") is { } document ? ExtendConfig.Read(document) : ExtendConfig.Empty;
        var shared = ContextDirectory(element, output, "context");
        return new GeneratedExtension(element.Id, element.Version)
        {
            Build = Dockerfile(element, output, ImageKind.Build, config.Build, Own("context.build")),
            Run = Dockerfile(element, output, ImageKind.Run, config.Run, Own("context.run")),
        };

        string? Own(string name)
        {
            var own = ContextDirectory(element, output, name);
            return own is null || shared is null ? own ?? shared
                : throw new LifecycleException(ExitCode.GenerateError, $"extension {element}: there are both context and {name}; keep one of them");
        }
    }

    private string? ContextDirectory(GroupElement element, string output, string name) => Files.Stat($"{output}/{name}") switch
    {
        null => null,
        { IsDirectory: true } => $"{output}/{name}",
        var other => throw new LifecycleException(ExitCode.GenerateError, $"extension {element}: {name} is a {other.Kind}; a build context is a directory"),
    };

    private GeneratedDockerfile? Dockerfile(GroupElement element, string output, ImageKind kind, IReadOnlyList<ExtendArg> args, string? context)
    {
        var name = kind == ImageKind.Build ? "build.Dockerfile" : "run.Dockerfile";
        if (Files.Stat($"{output}/{name}") is not { } entry)
            return null;
        if (entry.Size > MaxDockerfileBytes)
            throw new LifecycleException(ExitCode.GenerateError, $"extension {element}: {name} has {entry.Size} bytes; at most {MaxDockerfileBytes} are read");
        using var reader = new StreamReader(Files.OpenRead($"{output}/{name}"));
        var text = reader.ReadToEnd();
        var dockerfile = ExtensionDockerfile.Read(text, $"extension {element}, {name}", kind);
        foreach (var warning in dockerfile.Warnings)
            _log.Warn(warning);
        return new GeneratedDockerfile(text)
        {
            Args = [.. args.Select(a => new BuildArg(a.Name, a.Value))],
            ContextDirectory = context,
            SwitchTo = dockerfile.SwitchTo,
            Extends = dockerfile.Extends,
        };
    }

    /// <summary>The last switch wins, and what came before it does not count (spec-facts §2.6).</summary>
    private GenerateResult ChooseRunImage(BuildPlan plan, List<GeneratedExtension> generated)
    {
        var last = generated.FindLastIndex(e => e.Run?.SwitchTo is not null);
        for (var i = 0; i < last; i++)
        {
            if (generated[i].Run is { } run)
                generated[i] = generated[i] with { Run = run with { Ignored = true } };
        }
        var name = last < 0 ? null : generated[last].Run!.SwitchTo;
        if (name is not null && !_input.Known.Knows(name))
            _log.Warn($"new runtime base image '{name}' not found in run metadata");
        return new GenerateResult
        {
            Plan = plan,
            Extensions = generated,
            SwitchedRunImage = name == _input.RunImageName ? null : name,
            ExtendsRun = generated.Any(e => e.Run is { Ignored: false, Extends: true }),
        };
    }
}
