using Grid.Buildpacks;
using Grid.Buildpacks.Descriptors;
using Grid.Buildpacks.Detect;
using Grid.Dockerfiles;
using Grid.Lifecycle;
using Grid.Lifecycle.Extend;
using Grid.Sandbox;

namespace Grid.Cli.Lifecycle;

/// <summary><c>extender</c> (platform.md §extender): changes the image it runs in, and then, when that is the build image, builds.</summary>
internal sealed class ExtenderCommand : IPhaseCommand
{
    public string Name => "extender";

    public string Verb => "extend";

    public ExitCode Failure => ExitCode.ExtendError;

    public IEnumerable<PhaseFlag> Flags(ApiVersion api) =>
    [
        PhaseFlags.Analyzed, PhaseFlags.App, PhaseFlags.Buildpacks, PhaseFlags.Generated, PhaseFlags.Group, PhaseFlags.GroupId, PhaseFlags.KanikoCacheTtl,
        PhaseFlags.Layers, PhaseFlags.Plan, PhaseFlags.Platform, PhaseFlags.UserId,
        .. api >= new ApiVersion(0, 12) ? (PhaseFlag[])[PhaseFlags.Extended, PhaseFlags.Kind] : [],
    ];

    public async Task RunAsync(PhaseInputs inputs, IPhaseLog log, CancellationToken cancellationToken)
    {
        if (inputs.Arguments.Count > 0)
            throw new LifecycleException(ExitCode.InvalidArgs, $"failed to parse arguments: received unexpected arguments: {string.Join(' ', inputs.Arguments)}");
        var groupPath = inputs.Get(PhaseFlags.Group);
        if (!File.Exists(groupPath))
            throw new LifecycleException(ExitCode.Failed, $"failed to initialize extender: reading group: there is no {groupPath}; run the detector first");
        var group = GroupFiles.ReadGroup(InPlace.Files, groupPath);
        PhaseGroup.CheckApis(group.Extensions, groupPath);
        var analyzed = InPlace.ReadAnalyzed(inputs, log);
        switch (inputs.Get(PhaseFlags.Kind))
        {
            case "build":
                var extended = await new ExtendCall(inputs, ImageKind.Build, log).ExtendAsync(analyzed.BuildImage, group.Extensions, cancellationToken);
                await using (var sandbox = InPlace.Sandbox())
                    await BuildAsync(sandbox, inputs, extended, log, cancellationToken);
                break;
            case "run":
                var call = new ExtendCall(inputs, ImageKind.Run, log);
                var image = await call.ExtendAsync(analyzed.RunImage?.Reference, group.Extensions, cancellationToken);
                await call.SaveAsync(image!, ExtendCall.Content, cancellationToken);
                break;
            case var other:
                throw new LifecycleException(ExitCode.InvalidArgs, $"-kind '{other}': want build or run");
        }
    }

    /// <summary>Runs the buildpacks in the extended image as the user of the build, whatever USER the Dockerfiles left.</summary>
    internal static async Task BuildAsync(ISandbox sandbox, PhaseInputs inputs, ExtendedImage? extended, IPhaseLog log, CancellationToken cancellationToken)
    {
        var user = new ProcessUser(inputs.Get(PhaseFlags.UserId), inputs.Get(PhaseFlags.GroupId));
        if (user.UserId == 0)
            throw new LifecycleException(ExitCode.Failed, "failed to build: refusing to run as root; name the build image's user with -uid and -gid");
        PhaseOwner.Take(inputs, inputs.Get(PhaseFlags.Layers));
        await BuilderPhaseCommand.BuildAsync(
            sandbox, inputs, environment => AsUser(environment, extended, user), log, cancellationToken);
    }

    /// <summary>The environment of buildpacks that root runs as the user of the build.</summary>
    internal static PhaseEnvironment AsUser(PhaseEnvironment environment, ExtendedImage? extended, ProcessUser user) =>
        environment with { User = user, ImageEnv = Variables(environment, extended, user) };

    // What the Dockerfiles' ENV says wins over the container's environment, which is that of the image before them (rows 16 and 17); the home is the user's.
    private static List<string> Variables(PhaseEnvironment environment, ExtendedImage? extended, ProcessUser user)
    {
        var variables = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var variable in environment.ImageEnv.Concat(extended?.Config.Config.Env ?? []))
        {
            var equals = variable.IndexOf('=');
            if (equals > 0)
                variables[variable[..equals]] = variable[(equals + 1)..];
        }
        variables["HOME"] = UserLookup.HomeOf(InPlace.Files, user);
        return [.. variables.Select(v => $"{v.Key}={v.Value}")];
    }
}
