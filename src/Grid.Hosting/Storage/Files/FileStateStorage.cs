using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Runtime.Hosting;
using Orleans.Serialization.Serializers;
using Orleans.Storage;

namespace Grid.Hosting.Storage.Files;

/// <summary>
/// Grain state in files of one silo: <c>state/&lt;state name&gt;/&lt;hash of the grain's id&gt;</c>, the ETag on the first line and the serialized state behind it. A record is
/// written beside the old one and renamed over it, so that a process that is killed at any moment leaves the old record or the new one, never a piece:
/// Orleans' own file storage writes in place, and one torn record would keep a whole data directory from starting.
/// </summary>
public sealed class FileStateStorage : IGrainStorage
{
    private const string Unfinished = ".new";
    private readonly string _root;
    private readonly IGrainStorageSerializer _serializer;
    private readonly IActivatorProvider _activators;
    private readonly Lock _lock = new();

    /// <summary>Uses a directory, made when it is missing, that no other process uses. What an earlier process did not finish is removed.</summary>
    public FileStateStorage(string root, IGrainStorageSerializer serializer, IActivatorProvider activators)
    {
        (_root, _serializer, _activators) = (Path.GetFullPath(root), serializer, activators);
        Directory.CreateDirectory(_root);
        foreach (var file in Directory.EnumerateFiles(_root, "*" + Unfinished, SearchOption.AllDirectories).ToList())
            File.Delete(file);
    }

    /// <inheritdoc/>
    public Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) => AsTask(() =>
    {
        var record = Read(PathOf(stateName, grainId));
        grainState.State = record is { } found ? _serializer.Deserialize<T>(new BinaryData(found.Content)) : New<T>();
        grainState.ETag = record?.ETag;
        grainState.RecordExists = record is not null;
    });

    /// <inheritdoc/>
    public Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) => AsTask(() =>
    {
        var (path, etag) = (PathOf(stateName, grainId), Guid.NewGuid().ToString("n"));
        byte[] record = [.. Encoding.ASCII.GetBytes(etag + "\n"), .. _serializer.Serialize(grainState.State).ToMemory().Span];
        lock (_lock)
        {
            Check(path, grainState.ETag);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllBytes(path + Unfinished, record);
            File.Move(path + Unfinished, path, overwrite: true);
        }
        (grainState.ETag, grainState.RecordExists) = (etag, true);
    });

    /// <inheritdoc/>
    public Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) => AsTask(() =>
    {
        var path = PathOf(stateName, grainId);
        lock (_lock)
        {
            Check(path, grainState.ETag);
            if (File.Exists(path))
                File.Delete(path);
        }
        (grainState.State, grainState.ETag, grainState.RecordExists) = (New<T>(), null, false);
    });

    /// <summary>Small local files are read and written at once; what goes wrong belongs to the task all the same.</summary>
    private static Task AsTask(Action action)
    {
        try
        {
            action();
            return Task.CompletedTask;
        }
        catch (Exception e)
        {
            return Task.FromException(e);
        }
    }

    private static (string ETag, byte[] Content)? Read(string path)
    {
        byte[] bytes;
        try
        {
            bytes = File.ReadAllBytes(path);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
        var end = Array.IndexOf(bytes, (byte)'\n');
        return end > 0 ? (Encoding.ASCII.GetString(bytes, 0, end), bytes[(end + 1)..])
            : throw new InvalidDataException($"the record {path} has been damaged: delete it, and what it remembered is forgotten");
    }

    private static void Check(string path, string? expected)
    {
        var stored = Read(path)?.ETag;
        if (!string.Equals(stored, string.IsNullOrEmpty(expected) ? null : expected, StringComparison.Ordinal))
            throw new InconsistentStateException($"the record {path} has been changed by another activation", stored ?? "", expected ?? "");
    }

    /// <summary>By a hash: a grain's key may be longer than a file name, and hold anything.</summary>
    private string PathOf(string stateName, GrainId grainId) =>
        Path.Combine(_root, stateName, Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(grainId.ToString()))));

    private T New<T>() => _activators.GetActivator<T>().Create();
}

/// <summary>Adds <see cref="FileStateStorage"/> to a silo.</summary>
internal static class FileStateHosting
{
    public static ISiloBuilder AddFileState(this ISiloBuilder silo, string name, string directory)
    {
        silo.Services.AddGrainStorage(name, (p, _) => new FileStateStorage(directory, p.GetRequiredService<IGrainStorageSerializer>(), p.GetRequiredService<IActivatorProvider>()));
        return silo;
    }
}
