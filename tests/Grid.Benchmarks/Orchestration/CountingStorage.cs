using System.Collections.Concurrent;
using Orleans.Runtime;
using Orleans.Storage;

namespace Grid.Benchmarks.Orchestration;

/// <summary>Stored records of all silos, and a count of what was written.</summary>
internal sealed class StateMemory
{
    private readonly ConcurrentDictionary<string, (long Writes, long Bytes)> _written = new(StringComparer.Ordinal);
    private long _etag;

    public ConcurrentDictionary<(string, GrainId), (ReadOnlyMemory<byte> Json, string ETag)> Records { get; } = new();

    /// <summary>Writes and bytes since the last <see cref="Reset"/>, by the state's name.</summary>
    public IReadOnlyDictionary<string, (long Writes, long Bytes)> Written => _written;

    public long Writes => _written.Values.Sum(w => w.Writes);

    public void Reset() => _written.Clear();

    public string Write(string stateName, GrainId grainId, ReadOnlyMemory<byte> json)
    {
        _written.AddOrUpdate(stateName, (1, json.Length), (_, sum) => (sum.Writes + 1, sum.Bytes + json.Length));
        var etag = $"{Interlocked.Increment(ref _etag)}";
        Records[(stateName, grainId)] = (json, etag);
        return etag;
    }
}

/// <summary>A silo's storage: what the product writes, in its form, to memory instead of a disk.</summary>
internal sealed class CountingStorage(StateMemory memory, IGrainStorageSerializer serializer) : IGrainStorage
{
    public Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        var found = memory.Records.TryGetValue((stateName, grainId), out var stored);
        grainState.State = found ? serializer.Deserialize<T>(new BinaryData(stored.Json)) : Activator.CreateInstance<T>();
        (grainState.ETag, grainState.RecordExists) = (stored.ETag, found);
        return Task.CompletedTask;
    }

    public Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        (grainState.ETag, grainState.RecordExists) = (memory.Write(stateName, grainId, serializer.Serialize(grainState.State).ToMemory()), true);
        return Task.CompletedTask;
    }

    public Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        memory.Records.TryRemove((stateName, grainId), out _);
        (grainState.ETag, grainState.RecordExists) = (null, false);
        return Task.CompletedTask;
    }
}
