using Grid.Buildpacks;
using Grid.Buildpacks.Analyze;
using Grid.Buildpacks.Descriptors;
using Grid.Buildpacks.Metadata;
using Grid.Buildpacks.Order;
using Grid.Buildpacks.Toml;
using Grid.Lifecycle;
using Grid.Lifecycle.Analyze;
using Grid.Oci.FileSystem;

namespace Grid.Cli.Lifecycle;

/// <summary><c>analyzer</c> (platform.md §analyzer): may we read and write all this build needs, and which images are they?</summary>
internal sealed class AnalyzerCommand : IPhaseCommand
{
    public string Name => "analyzer";

    public string Verb => "analyze";

    public ExitCode Failure => ExitCode.AnalyzeError;

    public IEnumerable<PhaseFlag> Flags(ApiVersion api) =>
    [
        PhaseFlags.Analyzed, PhaseFlags.CacheImage, PhaseFlags.Daemon, PhaseFlags.GroupId, PhaseFlags.Layers, PhaseFlags.PreviousImage, PhaseFlags.RunImage,
        PhaseFlags.Tags, PhaseFlags.UserId,
        .. api >= new ApiVersion(0, 9) ? (PhaseFlag[])[PhaseFlags.LaunchCache, PhaseFlags.SkipLayers] : [],
        .. api >= new ApiVersion(0, 12) ? (PhaseFlag[])[PhaseFlags.Layout, PhaseFlags.LayoutDirectory, PhaseFlags.Run] : [PhaseFlags.Stack],
        .. api >= new ApiVersion(0, 13) ? (PhaseFlag[])[PhaseFlags.InsecureRegistries] : [],
    ];

    public async Task RunAsync(PhaseInputs inputs, IPhaseLog log, CancellationToken cancellationToken)
    {
        using var images = PhaseImages.Of(inputs);
        await AnalyzeAsync(inputs, images, log, cancellationToken);
    }

    /// <summary>Analyzes and writes analyzed.toml.</summary>
    internal static async Task<AnalyzedFile> AnalyzeAsync(PhaseInputs inputs, PhaseImages images, IPhaseLog log, CancellationToken cancellationToken)
    {
        if (inputs.Arguments is not [var output])
            throw new LifecycleException(ExitCode.InvalidArgs, $"failed to parse arguments: received {inputs.Arguments.Count} arguments, but expected 1: the image");
        if (output.Length == 0)
            throw new LifecycleException(ExitCode.InvalidArgs, "failed to resolve inputs: image argument is required");
        if (!inputs.Get(PhaseFlags.Daemon) && inputs.Get(PhaseFlags.LaunchCache).Length > 0)
            log.Warn("Ignoring -launch-cache, only intended for use with -daemon");
        var input = Input(inputs, images, output, log);
        if (inputs.Get(PhaseFlags.Layout))
            ExperimentalFeature.Require(inputs, "export to OCI layout format", log);
        PhaseOwner.Take(inputs, inputs.Get(PhaseFlags.Layers), inputs.Get(PhaseFlags.LaunchCache));
        var analyzed = await PlatformAnalyzer.AnalyzeAsync(images.Stores, InPlace.Files, input, log, cancellationToken);
        InPlace.Write(inputs.Get(PhaseFlags.Analyzed), analyzed.Write(), PhaseReport.Owner(inputs));
        return analyzed;
    }

    /// <summary>What to analyze.</summary>
    /// <exception cref="LifecycleException">Exit code 3: a name is none, the tags are on several registries, or nobody names a run image.</exception>
    private static PlatformAnalyzeInput Input(PhaseInputs inputs, PhaseImages images, string output, IPhaseLog log)
    {
        var targets = images.Targets([output, .. inputs.Get(PhaseFlags.Tags)]);
        var previous = inputs.Get(PhaseFlags.PreviousImage);
        var cache = inputs.Get(PhaseFlags.CacheImage);
        var skips = inputs.Get(PhaseFlags.SkipLayers) || inputs.Get(PhaseFlags.SkipRestore);
        return new PlatformAnalyzeInput
        {
            PlatformApi = inputs.Api.ToString(),
            Targets = [.. targets.Select(t => t.Location)],
            PreviousImage = images.Locate(previous.Length > 0 ? previous : output),
            CacheImage = cache.Length > 0 ? images.LocateInRegistry(cache) : null,
            RunImage = RunImage(inputs, log),
            Locate = images.Locate,
            LayersDirectory = skips || inputs.Api < new ApiVersion(0, 8) ? null : inputs.Get(PhaseFlags.Layers),
            Owner = PhaseReport.Owner(inputs) ?? new Owner(InPlace.User().UserId, InPlace.User().GroupId),
            Platform = HostPlatform.Current,
        };
    }

    private static RunImageNames RunImage(PhaseInputs inputs, IPhaseLog log)
    {
        if (inputs.Get(PhaseFlags.RunImage) is { Length: > 0 } name)
            return new RunImageNames { Image = name };
        try
        {
            if (inputs.Api >= new ApiVersion(0, 12))
            {
                var path = inputs.Get(PhaseFlags.Run);
                if (RunImages.ReadIfExists(InPlace.Files, path) is not { } run)
                    log.Info($"No run metadata found at path \"{path}\"");
                else if (run.Images is [var first, ..])
                    return first;
            }
            else if (RunImages.ReadStackIfExists(InPlace.Files, inputs.Get(PhaseFlags.Stack)) is { } stack)
            {
                return stack;
            }
        }
        catch (TomlFormatException malformed)
        {
            throw new LifecycleException(ExitCode.InvalidArgs, $"failed to resolve inputs: {malformed.Message}", malformed);
        }
        throw new LifecycleException(ExitCode.InvalidArgs, "failed to resolve inputs: -run-image is required when there is no run metadata available");
    }
}
