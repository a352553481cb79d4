using System.Collections.Concurrent;
using System.Text;
using Grid.Buildpacks;
using Grid.Buildpacks.Layers;
using Grid.Buildpacks.Metadata;
using Grid.Buildpacks.Toml;
using Grid.Oci.FileSystem;
using Grid.Oci.Images;

namespace Grid.Lifecycle.Restore;

/// <summary>The restore phase (platform.md §restorer): gives buildpacks back what they left in the previous image and in the cache.</summary>
public static class Restorer
{
    private const int DirectoryMode = 0x1ED; // 0755
    private const int FileMode = 0x1A4; // 0644

    /// <summary>Writes stores, layer metadata, SBOMs and cached layers into the layers directory, all owned by the builder's user.</summary>
    /// <param name="files">A tree with the layers directory at its place.</param>
    /// <param name="blobs">Where layers' blobs are read from: a node's store, a cache, the previous image. What it does not have is not restored.</param>
    /// <param name="input">What to restore.</param>
    /// <param name="log">The reference's lines.</param>
    /// <param name="cancellationToken">Stops restoring.</param>
    /// <exception cref="LifecycleException">Exit code 42: the tree cannot be written.</exception>
    public static async Task RestoreAsync(
        IFileTree files, IBlobSource blobs, RestoreInput input, IPhaseLog log, CancellationToken cancellationToken)
    {
        try
        {
            var user = input.Environment.User;
            var owner = new Owner(user.UserId, user.GroupId);
            var layers = input.Environment.LayersDirectory;
            files.CreateDirectory(layers, DirectoryMode, owner);
            files.ChangeOwner(layers, owner, recursive: false);
            RestoreStores(files, input, owner);
            var plan = RestorePlan.Make(input, log);
            foreach (var layer in plan)
                WriteMetadata(files, layers, layer, owner);
            var unpacker = new CachedLayerUnpacker(files, blobs, owner);
            await RestoreContentsAsync(files, layers, plan, unpacker, log, cancellationToken);
            await RestoreSbomsAsync(input, plan, unpacker, log, cancellationToken);
            if (input.SbomsAreUnpacked)
                MoveSboms(files, layers, plan, owner);
        }
        catch (Exception e) when (e is IOException or TomlFormatException or FormatException)
        {
            throw new LifecycleException(ExitCode.RestoreError, $"restore: {e.Message}", e);
        }
    }

    private static void RestoreStores(IFileTree files, RestoreInput input, Owner owner)
    {
        foreach (var buildpack in input.Group.Buildpacks)
        {
            if (input.Previous?.Buildpacks?.FirstOrDefault(metadata => metadata.Id == buildpack.Id)?.Store?.Metadata is not { } metadata)
                continue;
            var directory = BuildpackLayers.DirectoryOf(input.Environment.LayersDirectory, buildpack);
            files.CreateDirectory(directory, DirectoryMode, owner);
            Write(files, directory + "/store.toml", LayerToml.WriteMetadata(TomlJson.ToToml(metadata)), owner);
        }
    }

    private static void WriteMetadata(IFileTree files, string layers, RestoredLayer layer, Owner owner)
    {
        var directory = BuildpackLayers.DirectoryOf(layers, layer.Buildpack);
        files.CreateDirectory(directory, DirectoryMode, owner);
        Write(files, $"{directory}/{layer.Name}.toml", LayerToml.WriteMetadata(layer.Metadata), owner);
    }

    private static void Write(IFileTree files, string path, string text, Owner owner) =>
        files.WriteFile(path, Encoding.UTF8.GetBytes(text), FileMode, owner);

    // In parallel; the log is only written before and after, so it need not bear several writers.
    private static async Task RestoreContentsAsync(
        IFileTree files, string layers, IReadOnlyList<RestoredLayer> plan, CachedLayerUnpacker unpacker, IPhaseLog log, CancellationToken cancellationToken)
    {
        var cached = plan.Where(layer => layer.Content is not null).ToList();
        foreach (var layer in cached)
            log.Info($"Restoring data for \"{layer.Identifier}\" from cache");
        var problems = new ConcurrentQueue<string>();
        await Parallel.ForEachAsync(
            cached,
            new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount, CancellationToken = cancellationToken },
            async (layer, token) =>
            {
                var directory = $"{BuildpackLayers.DirectoryOf(layers, layer.Buildpack)}/{layer.Name}";
                try
                {
                    await unpacker.UnpackAsync(layer.Content!.Layer, directory, token);
                }
                catch (CacheContentException e)
                {
                    // The cache only saves time. Without the content the buildpack must not find the metadata either: it would believe the layer is there.
                    problems.Enqueue($"Layer \"{layer.Identifier}\" is not restored: {e.Message}");
                    files.Delete(directory);
                    files.Delete(directory + ".toml");
                }
            });
        foreach (var problem in problems.Order(StringComparer.Ordinal))
            log.Warn(problem);
    }

    private static async Task RestoreSbomsAsync(
        RestoreInput input, IReadOnlyList<RestoredLayer> plan, CachedLayerUnpacker unpacker, IPhaseLog log, CancellationToken cancellationToken)
    {
        var layers = input.Environment.LayersDirectory;
        var previous = input.PreviousImage?.Layers.FirstOrDefault(layer => layer.DiffId.ToString() == input.Previous?.Sbom?.Sha);
        (string Kind, Layer? Layer)[] sboms = [("launch", previous), ("cache", input.Cache?.Sbom)];
        foreach (var (kind, layer) in sboms)
        {
            if (layer is null || plan.Count == 0)
                continue;
            log.Info($"Restoring data for SBOM from {(kind == "launch" ? "previous image" : "cache")}");
            var targets = plan.ToDictionary(
                item => $"{layers}/sbom/{kind}/{item.Buildpack.EscapedId}/{item.Name}/sbom.",
                item => $"{BuildpackLayers.DirectoryOf(layers, item.Buildpack)}/{item.Name}.sbom.");
            try
            {
                await unpacker.ExtractAsync(layer, path => Target(path, targets), cancellationToken);
            }
            catch (CacheContentException e)
            {
                log.Warn($"SBOMs are not restored: {e.Message}");
            }
        }
    }

    private static void MoveSboms(IFileTree files, string layers, IReadOnlyList<RestoredLayer> plan, Owner owner)
    {
        foreach (var item in plan)
        {
            var from = $"{layers}/sbom/launch/{item.Buildpack.EscapedId}/{item.Name}";
            if (files.Stat(from) is not { IsDirectory: true })
                continue;
            foreach (var file in files.List(from).Where(entry => entry.IsFile && entry.Name.StartsWith("sbom.", StringComparison.Ordinal)))
            {
                using var source = files.OpenRead($"{from}/{file.Name}");
                using var target = files.CreateFile($"{BuildpackLayers.DirectoryOf(layers, item.Buildpack)}/{item.Name}.{file.Name}", FileMode, owner);
                source.CopyTo(target);
            }
        }
        files.Delete($"{layers}/sbom");
    }

    private static string? Target(string path, Dictionary<string, string> targets)
    {
        var at = path.LastIndexOf("/sbom.", StringComparison.Ordinal) + "/sbom.".Length;
        return at > "/sbom.".Length && targets.TryGetValue(path[..at], out var target) && !path[at..].Contains('/') ? target + path[at..] : null;
    }
}
