using System.Text;
using Grid.Oci;

namespace Grid.Sandbox.OciRuntime.Snapshots;

/// <summary>Names a stack of layers (OCI image-spec, config.md §Layer ChainID): the diff ID of one layer, or the hash over what is below and the next.</summary>
internal static class ChainId
{
    /// <summary>The chain after one more layer; <paramref name="below"/> is the default value for the first.</summary>
    public static Digest Append(Digest below, Digest diffId) =>
        below.IsEmpty ? diffId : Digest.Compute(Encoding.ASCII.GetBytes($"{below} {diffId}"));
}
