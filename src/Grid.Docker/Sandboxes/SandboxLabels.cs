using System.Text;
using Grid.Oci;

namespace Grid.Docker.Sandboxes;

/// <summary>How a sandbox's containers are known in the engine, also to who comes after a crash.</summary>
/// <param name="StateDirectory">The state directory they belong to: one engine may serve several.</param>
/// <param name="Handle">The sandbox.</param>
/// <param name="Owner">The process that made them, as in the state directory.</param>
internal sealed record SandboxLabels(string StateDirectory, string Handle, string Owner)
{
    public const string StateKey = "dev.grid.state", OwnerKey = "dev.grid.owner", HandleKey = "dev.grid.handle";

    /// <summary>Beginning of the names of its containers.</summary>
    public string Name => $"grid-{Hash(StateDirectory)}-{Handle}";

    /// <summary>A short name of a state directory.</summary>
    public static string Hash(string stateDirectory) => Digest.Compute(Encoding.UTF8.GetBytes(stateDirectory)).Hex[..12];

    public Dictionary<string, string> ToDictionary() => new(StringComparer.Ordinal)
    {
        [EngineSnapshots.Label] = "sandbox", [StateKey] = Hash(StateDirectory), [HandleKey] = Handle, [OwnerKey] = Owner,
    };
}
