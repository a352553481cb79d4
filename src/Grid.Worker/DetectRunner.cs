using Grid.Buildpacks;
using Grid.Buildpacks.Order;
using Grid.Contracts.Work;
using Grid.Dockerfiles;
using Grid.Dockerfiles.Syntax;
using Grid.Lifecycle;
using Grid.Lifecycle.Analyze;
using Grid.Lifecycle.Detect;
using Grid.Lifecycle.Extend;
using Grid.Lifecycle.Generate;
using Grid.Oci;
using Grid.Oci.Content;
using Grid.Oci.FileSystem;
using Grid.Oci.Images;
using Grid.Oci.Layers;
using Grid.Sandbox;

namespace Grid.Worker;

/// <summary>Detect and generate in the builder's file system; what extensions generated leaves the sandbox as data.</summary>
internal sealed class DetectRunner(ISandboxRuntime sandboxes, ContentStore content, ImageStores images, BuildDirectories builds, WorkerOptions options, TenantVault vault)
{
    private const string OrderPath = "/cnb/order.toml";
    private const string SystemPath = "/cnb/system.toml";

    public async Task<Detection> RunAsync(DetectWork work, IPhaseLog log, CancellationToken cancellationToken)
    {
        var analyzed = work.Analyzed;
        var environment = Phases.Environment(analyzed, analyzed.Builder.Config);
        var build = builds.Open(work.BuildKey);
        await build.PrepareAsync(content, work.Source, analyzed.User, work.Environment, cancellationToken);
        using var platform = PrivatePlatform.Create(options.BuildsDirectory, await vault.ForBuildpacksAsync(work.Tenant, cancellationToken), work.Environment, environment);
        await using var sandbox = await sandboxes.CreateAsync(
            new SandboxSpec(BuildDirectory.SandboxHandle(work.Handle), analyzed.Builder.Layers, new OriginBlobs(content, images, analyzed.Builder.ToLocation(), HostPlatform.Current))
            {
                Volumes = [.. build.Volumes(environment, appReadOnly: true), .. platform.Volumes],
                Limits = options.SandboxLimits,
                HasSecrets = platform.HasSecrets,
            }, cancellationToken);
        if (sandbox.Files.Stat(OrderPath) is null)
            throw new LifecycleException(ExitCode.DetectError, $"builder {analyzed.Builder.Location} has no {OrderPath}; make it with 'grid builder create' or pack");
        var detected = await Detector.DetectAsync(sandbox,
            new DetectInput(environment, OrderFile.Read(sandbox.Files, OrderPath), SystemFile.ReadIfExists(sandbox.Files, SystemPath)), log, cancellationToken);
        if (detected.Group.Extensions.Count == 0)
            return new Detection { Group = detected.Group, Plan = detected.Plan, Analyzed = analyzed };
        // That a new run image is not one the builder knows is said where it is looked up.
        var generated = await Generator.GenerateAsync(sandbox, new GenerateInput(environment, detected.Group, detected.Plan, analyzed.RunImageName), log, cancellationToken);
        return new Detection
        {
            Group = detected.Group,
            Plan = generated.Plan,
            Dockerfiles = Collect(generated, sandbox.Files, work.Source, cancellationToken),
            Analyzed = generated.SwitchedRunImage is { } name ? await SwitchAsync(work, name, log, cancellationToken) : analyzed,
        };
    }

    private Task<AnalyzeResult> SwitchAsync(DetectWork work, string name, IPhaseLog log, CancellationToken cancellationToken) =>
        Analyzer.SwitchRunImageAsync(images, new AnalyzeInput
        {
            Builder = work.Analyzed.Builder.ToLocation(),
            Targets = [.. work.Targets.Select(ImageLocation.Parse)],
            Platform = HostPlatform.Current,
        }, work.Analyzed, name, log, cancellationToken);

    /// <summary>The Dockerfiles that change something, with their contexts in the content store.</summary>
    private List<ExtensionDockerfileSource> Collect(GenerateResult generated, IFileTree files, Layer source, CancellationToken cancellationToken)
    {
        var contexts = new Dictionary<string, BuildContext>(StringComparer.Ordinal);
        var found = new List<ExtensionDockerfileSource>();
        foreach (var extension in generated.Extensions)
        {
            foreach (var (kind, file) in new[] { (ImageKind.Build, extension.Build), (ImageKind.Run, extension.Run) })
            {
                if (file is not { Ignored: false })
                    continue;
                var name = kind == ImageKind.Build ? "build.Dockerfile" : "run.Dockerfile";
                var dockerfile = ExtensionDockerfile.Read(file.Text, $"extension {extension.Id}@{extension.Version}, {name}", kind);
                if (!dockerfile.Extends)
                    continue;
                found.Add(new ExtensionDockerfileSource
                {
                    ExtensionId = extension.Id, ExtensionVersion = extension.Version, Kind = kind, Text = file.Text, Args = file.Args,
                    Context = Context(dockerfile, file.ContextDirectory),
                });
            }
        }
        return found;

        BuildContext Context(ExtensionDockerfile dockerfile, string? directory)
        {
            // Packing and indexing a context costs: only for a file that reads it.
            if (!dockerfile.Dockerfile.Instructions.Any(i => i is CopyInstruction or AddInstruction or RunInstruction { Flags.Count: > 0 }))
                return new BuildContext(source, default);
            if (contexts.TryGetValue(directory ?? "", out var known))
                return known;
            var archive = directory is null ? source : SourceArchive.Pack(content, files, directory, (_, _) => true, cancellationToken);
            return contexts[directory ?? ""] = ContextStore.Index(content, archive, cancellationToken);
        }
    }
}
