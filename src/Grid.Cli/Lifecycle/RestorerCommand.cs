using Grid.Buildpacks;
using Grid.Buildpacks.Analyze;
using Grid.Buildpacks.Descriptors;
using Grid.Lifecycle;
using Grid.Lifecycle.Cache;
using Grid.Lifecycle.Restore;
using Grid.Oci.FileSystem;
using Grid.Sandbox;

namespace Grid.Cli.Lifecycle;

/// <summary><c>restorer</c> (platform.md §restorer): brings back cached layers, and fetches what extenders need of the images they extend.</summary>
internal sealed class RestorerCommand : IPhaseCommand
{
    public string Name => "restorer";

    public string Verb => "restore";

    public ExitCode Failure => ExitCode.RestoreError;

    public IEnumerable<PhaseFlag> Flags(ApiVersion api) =>
    [
        PhaseFlags.Analyzed, PhaseFlags.CacheDirectory, PhaseFlags.CacheImage, PhaseFlags.Group, PhaseFlags.GroupId, PhaseFlags.Layers, PhaseFlags.SkipLayers,
        PhaseFlags.UserId,
        .. api >= new ApiVersion(0, 10) ? (PhaseFlag[])[PhaseFlags.BuildImage] : [],
        .. api >= new ApiVersion(0, 12) ? (PhaseFlag[])[PhaseFlags.Daemon, PhaseFlags.Generated, PhaseFlags.Layout, PhaseFlags.LayoutDirectory] : [],
        .. api >= new ApiVersion(0, 13) ? (PhaseFlag[])[PhaseFlags.InsecureRegistries] : [],
        .. api >= new ApiVersion(0, 14) ? (PhaseFlag[])[PhaseFlags.Run] : [],
    ];

    public async Task RunAsync(PhaseInputs inputs, IPhaseLog log, CancellationToken cancellationToken)
    {
        if (inputs.Arguments.Count > 0)
            throw new LifecycleException(ExitCode.InvalidArgs, $"failed to parse arguments: received unexpected arguments: {string.Join(' ', inputs.Arguments)}");
        if (inputs.Get(PhaseFlags.CacheImage).Length == 0 && inputs.Get(PhaseFlags.CacheDirectory).Length == 0)
            log.Warn("No cached data will be used, no cache specified.");
        PhaseOwner.Take(inputs, inputs.Get(PhaseFlags.Layers), inputs.Get(PhaseFlags.CacheDirectory), KanikoDirectory.Path);
        using var images = PhaseImages.Of(inputs);
        var group = PhaseGroup.Read(inputs);
        var path = inputs.Get(PhaseFlags.Analyzed);
        var analyzed = AnalyzedFile.ReadIfExists(InPlace.Files, path);
        if (analyzed is null)
        {
            log.Warn($"Not using analyzed data, usable file not found: {path}");
        }
        else
        {
            analyzed = await new ImagesToExtend(inputs, images, log).PrepareAsync(analyzed, group, cancellationToken);
            InPlace.Write(path, analyzed.Write(), PhaseReport.Owner(inputs));
        }
        await RestoreAsync(inputs, images, analyzed ?? new AnalyzedFile(), group, log, cancellationToken);
    }

    /// <summary>Restores layers, stores and SBOMs from the cache and from what analyzed.toml says of the previous image.</summary>
    internal static async Task RestoreAsync(
        PhaseInputs inputs, PhaseImages images, AnalyzedFile analyzed, Group group, IPhaseLog log, CancellationToken cancellationToken)
    {
        var owner = PhaseReport.Owner(inputs) ?? new Owner(InPlace.User().UserId, InPlace.User().GroupId);
        var cache = PhaseCache.Of(inputs, images) is { } named ? await named.ReadAsync(log, cancellationToken) : CacheContents.Empty;
        var input = new RestoreInput
        {
            Environment = new PhaseEnvironment
            {
                PlatformApi = inputs.Api.ToString(),
                ImageEnv = [],
                User = new ProcessUser(owner.UserId, owner.GroupId),
                Target = new Target("", ""),
                ExecEnv = inputs.Get(PhaseFlags.ExecEnv),
                LayersDirectory = inputs.Get(PhaseFlags.Layers),
            },
            Group = group,
            Previous = analyzed.Metadata,
            Cache = cache.Metadata,
            SkipLayers = inputs.Get(PhaseFlags.SkipLayers) || inputs.Get(PhaseFlags.SkipRestore),
            SbomsAreUnpacked = true,
        };
        await Restorer.RestoreAsync(InPlace.Files, cache.Blobs, input, log, cancellationToken);
    }
}
