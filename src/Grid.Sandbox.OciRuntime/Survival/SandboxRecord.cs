using System.Text.Json;
using System.Text.Json.Serialization;

namespace Grid.Sandbox.OciRuntime.Survival;

/// <summary>What the next process has to know of a sandbox to go on with it. Written before anything runs in it, removed when its layer is made.</summary>
/// <param name="Id">Of this sandbox alone.</param>
/// <param name="Owner">See <see cref="SandboxIdentity.Owner"/>.</param>
/// <param name="Work">See <see cref="SandboxIdentity.Work"/>.</param>
/// <param name="Boot">The boot it was made in: no process outlives that.</param>
/// <param name="Image">Directories of the image's layers, top first.</param>
/// <param name="Mounted">See <see cref="SandboxRoot.Mounted"/>.</param>
/// <param name="MadeDirectories">See <see cref="SandboxRoot.MadeDirectories"/>.</param>
internal sealed record SandboxRecord(
    string Id, string Owner, string Work, string Boot, IReadOnlyList<string> Image, IReadOnlyList<string> Mounted, IReadOnlyList<string> MadeDirectories)
{
    private const string FileName = "record.json", MountPointsFile = "mount-points.json";

    [JsonIgnore]
    public SandboxIdentity Identity => new(Owner, Work);

    public static string CurrentBoot() => File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim();

    /// <summary>The record of a sandbox's directory; null when it has none that can be read.</summary>
    public static SandboxRecord? TryRead(string sandbox) =>
        TryRead(Path.Combine(sandbox, FileName), RecordJson.Default.SandboxRecord);

    public void Save(string sandbox) => Save(Path.Combine(sandbox, FileName), JsonSerializer.SerializeToUtf8Bytes(this, RecordJson.Default.SandboxRecord));

    /// <summary>From now on nobody can go on with the sandbox.</summary>
    public static void Remove(string sandbox) => File.Delete(Path.Combine(sandbox, FileName));

    /// <summary>Mount points that were made for processes and must not end in the layer.</summary>
    public static IReadOnlyList<string> ReadMountPoints(string sandbox) => TryRead(Path.Combine(sandbox, MountPointsFile), RecordJson.Default.StringArray) ?? [];

    public static void SaveMountPoints(string sandbox, IEnumerable<string> paths) =>
        Save(Path.Combine(sandbox, MountPointsFile), JsonSerializer.SerializeToUtf8Bytes([.. paths], RecordJson.Default.StringArray));

    private static T? TryRead<T>(string file, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type)
        where T : class
    {
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(file), type);
        }
        catch (Exception e) when (e is IOException or JsonException)
        {
            return null;
        }
    }

    private static void Save(string file, byte[] content)
    {
        File.WriteAllBytes(file + ".new", content);
        File.Move(file + ".new", file, overwrite: true);
    }
}

[JsonSerializable(typeof(SandboxRecord))]
[JsonSerializable(typeof(string[]))]
internal sealed partial class RecordJson : JsonSerializerContext;
