using System.Runtime.InteropServices;
using Grid.Sandbox.OciRuntime.Linux;

namespace Grid.Docker.Sandboxes;

/// <summary>
/// The first process of a container: it does nothing but keep the container alive while processes are executed in it. It ignores SIGCHLD, so the kernel
/// buries orphans, and needs nothing from the image.
/// </summary>
internal static class HoldProgram
{
    /// <summary>Where it is inside.</summary>
    public const string Path = "/run/grid/hold";

    /// <summary>The executable.</summary>
    public static byte[] Bytes() => StaticProgram.Of(RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? Arm64 : X64);

    // rt_sigaction(SIGCHLD, {SIG_IGN}, NULL, 8); while (true) pause();
    private static ReadOnlySpan<byte> X64 =>
    [
        0xbf, 17, 0, 0, 0, // mov edi, 17
        0x48, 0x8d, 0x35, 0x1c, 0, 0, 0, // lea rsi, [rip + 0x1c]
        0x31, 0xd2, // xor edx, edx
        0x41, 0xba, 8, 0, 0, 0, // mov r10d, 8
        0xb8, 13, 0, 0, 0, // mov eax, 13
        0x0f, 0x05, // syscall
        0xb8, 34, 0, 0, 0, // mov eax, 34
        0x0f, 0x05, // syscall
        0xeb, 0xf7, // jmp back to the last mov
        0x0f, 0x1f, 0x40, 0, // nop
        1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, // struct sigaction
    ];

    // The same; pause is ppoll without anything to wait for.
    private static ReadOnlySpan<byte> Arm64 =>
    [
        0x20, 0x02, 0x80, 0xd2, // mov x0, #17
        0xa1, 0x01, 0x00, 0x10, // adr x1, . + 52
        0x02, 0x00, 0x80, 0xd2, // mov x2, #0
        0x03, 0x01, 0x80, 0xd2, // mov x3, #8
        0xc8, 0x10, 0x80, 0xd2, // mov x8, #134
        0x01, 0x00, 0x00, 0xd4, // svc #0
        0x00, 0x00, 0x80, 0xd2, // mov x0, #0
        0x01, 0x00, 0x80, 0xd2, // mov x1, #0
        0x02, 0x00, 0x80, 0xd2, // mov x2, #0
        0x03, 0x00, 0x80, 0xd2, // mov x3, #0
        0x28, 0x09, 0x80, 0xd2, // mov x8, #73
        0x01, 0x00, 0x00, 0xd4, // svc #0
        0xfa, 0xff, 0xff, 0x17, // b to the first mov of the loop
        0x1f, 0x20, 0x03, 0xd5, // nop
        1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, // struct sigaction
    ];
}
