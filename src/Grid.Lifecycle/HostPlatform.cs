using System.Runtime.InteropServices;
using Grid.Oci.Images;

namespace Grid.Lifecycle;

/// <summary>The platform of this machine, in Go's words.</summary>
public static class HostPlatform
{
    public static Platform Current { get; } = new("linux", RuntimeInformation.OSArchitecture switch
    {
        Architecture.X64 => "amd64",
        Architecture.Arm64 => "arm64",
        var other => other.ToString().ToLowerInvariant(),
    });
}
