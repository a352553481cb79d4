using System.Diagnostics;
using Azure;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Orleans.Configuration;
using Orleans.Serialization.Serializers;
using Orleans.Storage;

namespace Grid.Hosting.Storage.AzureBlobs;

/// <summary>
/// Grain state in Azure Blob Storage, a blob for each record under <c>service/state/type/key.json</c>. A write is conditional on the ETag that was
/// read: whoever is stale gets <see cref="InconsistentStateException"/>. An account that cannot be reached is an error and never "no record".
/// </summary>
public sealed partial class AzureBlobGrainStorage(
    string name, AzureBlobStorageOptions options, IOptions<ClusterOptions> cluster, IActivatorProvider activators, ILogger<AzureBlobGrainStorage> log)
    : IGrainStorage, ILifecycleParticipant<ISiloLifecycle>
{
    /// <summary>Version of how records are laid out, kept with each of them.</summary>
    private const int Schema = 1;
    private const string SchemaKey = "grid_schema";

    private readonly string _serviceId = cluster.Value.ServiceId;
    private BlobContainerClient? _container;

    /// <inheritdoc/>
    public Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) => ReadStateAsync(stateName, grainId, grainState, CancellationToken.None);

    /// <inheritdoc/>
    public Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) => WriteStateAsync(stateName, grainId, grainState, CancellationToken.None);

    /// <inheritdoc/>
    public Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) => ClearStateAsync(stateName, grainId, grainState, CancellationToken.None);

    /// <inheritdoc/>
    public async Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState, CancellationToken cancellationToken)
    {
        var blob = BlobOf(stateName, grainId);
        try
        {
            var content = (await blob.DownloadContentAsync(cancellationToken)).Value;
            EnsureReadable(blob, content.Details.Metadata);
            var bytes = content.Content;
            // An empty blob is a record that was cleared and kept its ETag.
            var loaded = bytes.ToMemory().IsEmpty ? default : options.GrainStorageSerializer.Deserialize<T>(bytes);
            grainState.State = loaded ?? New<T>();
            grainState.RecordExists = loaded is not null;
            grainState.ETag = content.Details.ETag.ToString();
        }
        catch (RequestFailedException e) when (e.ErrorCode == BlobErrorCode.BlobNotFound || e.ErrorCode == BlobErrorCode.ContainerNotFound)
        {
            grainState.State = New<T>();
            grainState.RecordExists = false;
            grainState.ETag = null;
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            LogFailed("read", blob.Name, grainState.ETag, e);
            throw;
        }
    }

    /// <inheritdoc/>
    public async Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState, CancellationToken cancellationToken)
    {
        var content = options.GrainStorageSerializer.Serialize(grainState.State);
        grainState.ETag = await ChangeAsync("write", BlobOf(stateName, grainId), grainState.ETag, blob => UploadAsync(blob, content, grainState.ETag, cancellationToken));
        grainState.RecordExists = true;
    }

    /// <inheritdoc/>
    public async Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState, CancellationToken cancellationToken)
    {
        grainState.ETag = await ChangeAsync("clear", BlobOf(stateName, grainId), grainState.ETag, async blob =>
        {
            if (!options.DeleteStateOnClear)
                return await UploadAsync(blob, BinaryData.Empty, grainState.ETag, cancellationToken);
            if (!string.IsNullOrEmpty(grainState.ETag))
                await blob.DeleteAsync(DeleteSnapshotsOption.IncludeSnapshots, ConditionsFor(grainState.ETag), cancellationToken);
            else if (await blob.ExistsAsync(cancellationToken))
                throw Inconsistent("clear", blob, grainState.ETag, null);
            return null;
        });
        grainState.RecordExists = false;
        grainState.State = New<T>();
    }

    /// <inheritdoc/>
    public void Participate(ISiloLifecycle observer) => observer.Subscribe(OptionFormattingUtilities.Name<AzureBlobGrainStorage>(name), options.InitStage, StartAsync);

    /// <summary>Makes the container ready. Nothing can be read before.</summary>
    internal async Task StartAsync(CancellationToken cancellationToken)
    {
        var started = Stopwatch.GetTimestamp();
        try
        {
            var container = (await options.CreateClient!()).GetBlobContainerClient(options.ContainerName);
            await container.CreateIfNotExistsAsync(cancellationToken: cancellationToken);
            _container = container;
            LogStarted(name, container.Uri.Host, options.ContainerName, Stopwatch.GetElapsedTime(started).TotalMilliseconds);
        }
        catch (Exception e)
        {
            LogStartFailed(name, options.ContainerName, e);
            throw;
        }
    }

    private async Task<string?> UploadAsync(BlobClient blob, BinaryData content, string? etag, CancellationToken cancellationToken)
    {
        var upload = new BlobUploadOptions
        {
            Conditions = ConditionsFor(etag),
            HttpHeaders = new BlobHttpHeaders { ContentType = options.GrainStorageSerializer is SystemTextJsonGrainStorageSerializer or JsonGrainStorageSerializer ? "application/json" : "application/octet-stream" },
            Metadata = new Dictionary<string, string>(StringComparer.Ordinal) { [SchemaKey] = Schema.ToString() },
        };
        try
        {
            return (await blob.UploadAsync(content, upload, cancellationToken)).Value.ETag.ToString();
        }
        catch (RequestFailedException e) when (e.ErrorCode == BlobErrorCode.ContainerNotFound && string.IsNullOrEmpty(etag))
        {
            // Somebody removed it since the start. A record that was there before is gone with it, so only a new one may be written.
            await Container.CreateIfNotExistsAsync(cancellationToken: cancellationToken);
            return (await blob.UploadAsync(content, upload, cancellationToken)).Value.ETag.ToString();
        }
    }

    /// <summary>Does a change that is conditional on <paramref name="etag"/> and gives the record's new ETag.</summary>
    private async Task<string?> ChangeAsync(string what, BlobClient blob, string? etag, Func<BlobClient, Task<string?>> change)
    {
        try
        {
            return await change(blob);
        }
        catch (RequestFailedException e) when (e.ErrorCode == BlobErrorCode.ConditionNotMet || e.ErrorCode == BlobErrorCode.BlobAlreadyExists
            || e.ErrorCode == BlobErrorCode.BlobNotFound || e.ErrorCode == BlobErrorCode.ContainerNotFound)
        {
            throw Inconsistent(what, blob, etag, e);
        }
        catch (Exception e) when (e is not (OperationCanceledException or InconsistentStateException))
        {
            LogFailed(what, blob.Name, etag, e);
            throw;
        }
    }

    private BlobContainerClient Container => _container ?? throw new InvalidOperationException($"grain storage '{name}' is used before stage {options.InitStage} of the silo's start");

    private BlobClient BlobOf(string stateName, GrainId grain) => Container.GetBlobClient(BlobNames.Of(_serviceId, stateName, grain));

    private T New<T>() => activators.GetActivator<T>().Create();

    private static BlobRequestConditions ConditionsFor(string? etag) =>
        string.IsNullOrEmpty(etag) ? new BlobRequestConditions { IfNoneMatch = ETag.All } : new BlobRequestConditions { IfMatch = new ETag(etag) };

    private static InconsistentStateException Inconsistent(string what, BlobClient blob, string? etag, Exception? reason) =>
        new($"cannot {what} {blob.Name} in container {blob.BlobContainerName}: another activation changed it", "unknown", etag ?? "none", reason!);

    private static void EnsureReadable(BlobClient blob, IDictionary<string, string> metadata)
    {
        if (metadata.TryGetValue(SchemaKey, out var text) && (!int.TryParse(text, out var schema) || schema > Schema))
            throw new InvalidDataException($"{blob.Name} in container {blob.BlobContainerName} was written by a newer Grid (layout {text}, known is {Schema}); run that version, or restore an older record");
    }
}
