using System.Runtime.InteropServices;
using Grid.Sandbox.OciRuntime.Bundles;
using Grid.Sandbox.OciRuntime.Linux;

namespace Grid.Sandbox.OciRuntime.Engines;

/// <summary>Really runs a container, with everything a sandbox's process gets, whose one program is made here: no image is needed.</summary>
internal static class ProbeContainer
{
    private const int ExpectedExitCode = 42;

    /// <summary>Throws <see cref="SandboxException"/> with the runtime's reason when it does not work.</summary>
    public static void Run(RuntimeEngine engine, OciRuntimeOptions options, StateDirectory state)
    {
        var id = "probe-" + state.Owner;
        var directory = Path.Combine(state.Temporary, id);
        var root = Path.Combine(directory, "rootfs");
        var group = ControlGroupOf(options, state.Owner);
        foreach (var mountPoint in BundleFactory.MountPoints)
            Directory.CreateDirectory(root + mountPoint);
        try
        {
            var program = Path.Combine(root, "probe");
            File.WriteAllBytes(program, Program());
            Libc.ChangeMode(program, 0x1ED);
            using var limits = ControlGroup.Create(group, new SandboxLimits());
            var process = new ProcessSpec(["/probe"], [], "/", new ProcessUser(0, 0)) { Privileges = Privileges.PackageManager, Network = false };
            var bundle = BundleFactory.Create(process, new ContainerPlace(root, options.HostName, HasCaBundle: false) { ControlGroup = limits.Exists ? $"{group}/{id}" : null });
            var result = new ContainerRun(engine, limits, id, directory, directory, minFreeBytes: 0).Execute(bundle, process, CancellationToken.None);
            if (result.ExitCode != ExpectedExitCode)
                throw new SandboxException($"a trial container ended with exit code {result.ExitCode} instead of {ExpectedExitCode}");
        }
        finally
        {
            engine.Delete(id);
            ControlGroup.Kill(group, "");
            ControlGroup.Remove(group);
            Directory.Delete(directory, recursive: true);
        }
    }

    /// <summary>Where the trial of a process runs.</summary>
    public static string ControlGroupOf(OciRuntimeOptions options, string owner) => $"{options.ControlGroup}/probe-{owner}";

    /// <summary>A program that calls exit_group(42).</summary>
    internal static byte[] Program() => StaticProgram.Of(RuntimeInformation.ProcessArchitecture == Architecture.Arm64
        // mov x0,#42; mov x8,#94; svc #0
        ? [0x40, 0x05, 0x80, 0xd2, 0xc8, 0x0b, 0x80, 0xd2, 0x01, 0x00, 0x00, 0xd4]
        // mov edi,42; mov eax,231; syscall
        : [0xbf, ExpectedExitCode, 0, 0, 0, 0xb8, 231, 0, 0, 0, 0x0f, 0x05]);
}
