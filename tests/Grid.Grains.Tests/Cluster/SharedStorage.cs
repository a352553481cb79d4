using System.Collections.Concurrent;
using System.Text.Json;
using Orleans.Runtime;
using Orleans.Storage;

namespace Grid.Grains.Tests.Cluster;

/// <summary>Grain state as JSON text, shared by all silos of a test cluster, so that it survives the silo that wrote it.</summary>
internal sealed class SharedStorage : IGrainStorage
{
    private readonly ConcurrentDictionary<(string, GrainId), (string Json, string ETag)> _states = new();
    private static readonly JsonSerializerOptions Json = MakeOptions();
    private int _writes;

    /// <summary>A record as it is stored.</summary>
    public string JsonOf(string stateName, GrainId grainId) => _states[(stateName, grainId)].Json;

    /// <summary>Changes a record behind the grain's back, as another build of Grid might have written it.</summary>
    public void Rewrite(string stateName, GrainId grainId, Func<string, string> change) =>
        _states[(stateName, grainId)] = (change(_states[(stateName, grainId)].Json), _states[(stateName, grainId)].ETag);

    private static JsonSerializerOptions MakeOptions()
    {
        var options = new JsonSerializerOptions();
        LaterMembers.Keep(options);
        return options;
    }

    /// <summary>Asked before each write; throws what the write shall throw.</summary>
    public Action<string, GrainId> BeforeWrite { get; set; } = (_, _) => { };

    /// <summary>Asked before each read; throws what the read shall throw.</summary>
    public Action<string, GrainId> BeforeRead { get; set; } = (_, _) => { };

    /// <summary>What is stored: name of the state and key of the grain.</summary>
    public IReadOnlyList<string> Keys => [.. _states.Keys.Select(k => $"{k.Item1} {k.Item2.Key}")];

    public Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        BeforeRead(stateName, grainId);
        if (_states.TryGetValue((stateName, grainId), out var stored))
            (grainState.State, grainState.ETag, grainState.RecordExists) = (JsonSerializer.Deserialize<T>(stored.Json, Json)!, stored.ETag, true);
        else
            (grainState.State, grainState.ETag, grainState.RecordExists) = (Activator.CreateInstance<T>(), null, false);
        return Task.CompletedTask;
    }

    public Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        BeforeWrite(stateName, grainId);
        var current = _states.GetValueOrDefault((stateName, grainId)).ETag;
        if (current != grainState.ETag)
            throw new InconsistentStateException("stale write", current ?? "", grainState.ETag ?? "");
        grainState.ETag = Interlocked.Increment(ref _writes).ToString(System.Globalization.CultureInfo.InvariantCulture);
        grainState.RecordExists = true;
        _states[(stateName, grainId)] = (JsonSerializer.Serialize(grainState.State, Json), grainState.ETag);
        return Task.CompletedTask;
    }

    public Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        _states.TryRemove((stateName, grainId), out _);
        (grainState.State, grainState.ETag, grainState.RecordExists) = (Activator.CreateInstance<T>(), null, false);
        return Task.CompletedTask;
    }
}
