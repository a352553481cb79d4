using Microsoft.Win32.SafeHandles;

namespace Grid.Sandbox.OciRuntime.Engines;

/// <summary>The process that stands for a container: the OCI runtime itself, or what supervises it.</summary>
internal interface IContainerParent : IDisposable
{
    int Pid { get; }

    /// <summary>The end of the pipe that the container's standard output can be read from.</summary>
    SafeFileHandle Output { get; }

    SafeFileHandle Error { get; }

    /// <summary>Readable when the process has ended.</summary>
    SafeFileHandle Exit { get; }

    /// <summary>Waits for the end and answers the container's exit code, or 128 + signal.</summary>
    int Wait();

    /// <summary>Kills it with the runtime, but not what is in the container.</summary>
    void Kill();
}
