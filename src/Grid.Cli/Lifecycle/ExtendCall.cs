using Grid.Buildpacks;
using Grid.Contracts.Builds;
using Grid.Dockerfiles;
using Grid.Dockerfiles.Context;
using Grid.Dockerfiles.Planning;
using Grid.Dockerfiles.Syntax;
using Grid.Grains.Machines;
using Grid.Lifecycle;
using Grid.Lifecycle.Analyze;
using Grid.Lifecycle.Extend;
using Grid.Oci;
using Grid.Oci.Content;
using Grid.Oci.Images;
using Grid.Oci.Layers;
using Grid.Oci.Layouts;
using Grid.Sandbox;
using Grid.Sandbox.OciRuntime.InPlace;

namespace Grid.Cli.Lifecycle;

/// <summary>
/// Applies the Dockerfiles of one kind to the container we run in (platform.md §extender). The chain of steps, their keys and what a step does are the grid's own;
/// only the sandbox is the container itself, and the cache a directory.
/// </summary>
internal sealed class ExtendCall(PhaseInputs inputs, ImageKind kind, IPhaseLog log)
{
    private const string Scope = "platform";

    /// <summary>Extends; null when no extension has a Dockerfile of this kind that changes something, and nothing says which image it would be.</summary>
    /// <param name="reference">The base image as analyzed.toml names it, by digest; the restorer keeps its configuration.</param>
    /// <param name="extensions">The group's extensions.</param>
    /// <param name="cancellationToken">Ends a running step.</param>
    /// <exception cref="LifecycleException">Exit code 102; the message names extension, file and line.</exception>
    public async Task<ExtendedImage?> ExtendAsync(string? reference, IReadOnlyList<GroupElement> extensions, CancellationToken cancellationToken)
    {
        if (!OwnIdentity.IsRoot)
            throw new LifecycleException(ExitCode.ExtendError, "extending needs root; start the container as root");
        if (!KanikoDirectory.Exists)
            throw new LifecycleException(ExitCode.ExtendError, $"there is no {KanikoDirectory.Path}; mount the volume there that the restorer had");
        var cache = new ExtensionLayerCache(KanikoDirectory.Layers, inputs.Get(PhaseFlags.KanikoCacheTtl));
        cache.Expire(TimeProvider.System);
        var sources = GeneratedDockerfiles.Read(inputs, extensions, kind, cache.Content, cancellationToken);
        if (sources.Count == 0 && kind == ImageKind.Build)
            return null;
        var image = await FindBaseAsync(reference, cancellationToken);
        try
        {
            return await ApplyAsync(image, sources, cache, cancellationToken);
        }
        catch (Exception e) when (e is DockerfileException or StepFailedException or SandboxException)
        {
            if (e is StepFailedException { Output: { Length: > 0 } output })
                log.Debug(output);
            throw new LifecycleException(ExitCode.ExtendError, e.Message, e);
        }
    }

    /// <summary>Writes an extended run image for the exporter: all of its manifest and configuration, and the blobs of the new layers.</summary>
    public async Task SaveAsync(ExtendedImage extended, ContentStore content, CancellationToken cancellationToken)
    {
        var builder = ImageBuilder.From(extended.Base.ToImage(content));
        builder.Config = extended.Config with { Created = null };
        foreach (var added in extended.Added)
        {
            builder.AddLayer(added.Layer, content, origin: null,
                new HistoryEntry { CreatedBy = $"Layer: '{added.CreatedBy}', Created by extension: {added.ExtensionId}" });
        }
        if (extended.Rebasable is { } rebasable)
            builder.SetLabel("io.buildpacks.rebasable", rebasable ? "true" : "false");
        var image = builder.Build();
        var directory = $"{inputs.Get(PhaseFlags.Extended)}/run/{image.Digest}";
        var target = new ImageLocation.Layout(directory, Tag: null);
        await new LayoutImageStore().PushAsync(image with { Layers = [.. image.Layers.Skip(extended.Base.Layers.Count)] }, target, null, cancellationToken);
        PhaseOwner.Take(inputs, inputs.Get(PhaseFlags.Extended));
        log.Debug($"Final extended image has digest: {image.Digest}");
    }

    /// <summary>The store that holds the layers of extensions.</summary>
    public static ContentStore Content => new ExtensionLayerCache(KanikoDirectory.Layers, TimeSpan.Zero).Content;

    private async Task<PinnedImage> FindBaseAsync(string? reference, CancellationToken cancellationToken)
    {
        var at = reference?.IndexOf("@sha256:", StringComparison.Ordinal) ?? -1;
        if (at < 0 || !Digest.TryParse(reference![(at + 1)..], out var digest))
            throw new LifecycleException(ExitCode.ExtendError, $"getting {Word} image to extend: analyzed.toml names no digest of it ('{reference}'); run the restorer first{(kind == ImageKind.Build ? " with -build-image" : "")}");
        var location = KanikoDirectory.Base(digest);
        var image = await new LayoutImageStore().FindAsync(location, HostPlatform.Current, cancellationToken)
            ?? throw new LifecycleException(ExitCode.ExtendError, $"getting {Word} image to extend: {location.Directory} does not have it; give the restorer the same {KanikoDirectory.Path}");
        return PinnedImage.From(image, location);
    }

    private async Task<ExtendedImage> ApplyAsync(
        PinnedImage image, IReadOnlyList<ExtensionDockerfileSource> sources, ExtensionLayerCache cache, CancellationToken cancellationToken)
    {
        var chain = new ExtensionChain(
            new ExtendRequest
            {
                BuildKey = "extend", Kind = kind, Base = image, Dockerfiles = [.. sources], Scope = Scope, BuildId = Guid.NewGuid().ToString(), Node = "", Owner = default,
            },
            index => index.IsEmpty ? ContextIndex.Empty : ContextStore.Read(cache.Content, index));
        var scratch = Directory.CreateTempSubdirectory("grid-contexts-");
        try
        {
            using var steps = new InPlaceSteps(cache, Scope, Excluded(), scratch.FullName, log);
            var position = chain.Start();
            while (chain.Next(position) is { } step)
            {
                if (step.ToFetch.Count > 0)
                {
                    position = await steps.FetchAsync(step, position, cancellationToken);
                    continue;
                }
                var result = await steps.RunAsync(step, image, position, cancellationToken);
                position = chain.AfterLayer(position, step, result?.Layer, result?.RootUsers);
            }
            // Buildpacks run here afterwards; nobody runs in a run image.
            if (kind == ImageKind.Build)
                await steps.CatchUpAsync(cancellationToken);
            WarnOfUser(image, position.Image);
            return chain.Finish(position);
        }
        finally
        {
            scratch.Delete(recursive: true);
        }
    }

    private string[] Excluded() =>
    [
        inputs.Get(PhaseFlags.App), inputs.Get(PhaseFlags.Layers), inputs.Get(PhaseFlags.Platform), KanikoDirectory.Path, "/var/run", "/etc/mtab", "/tmp/apt-key-gpghome",
    ];

    private void WarnOfUser(PinnedImage image, ImageState state)
    {
        var (before, after) = (UserOf(image.Config.Config.User), UserOf(state.Config.User));
        if (before != after)
            log.Warn($"The original user ID was {before} but the final extension left the user ID set to {after}.");
    }

    private static string UserOf(string? user) => (user ?? "").Split(':')[0];

    private string Word => kind == ImageKind.Build ? "build" : "run";
}
