using System.Collections.Concurrent;
using System.Runtime.InteropServices;

namespace Grid.Sandbox.OciRuntime.Bundles;

/// <summary>The system call filter: an allow-list with the semantics of docker's default profile; the names are data (seccomp.txt).</summary>
internal static class Seccomp
{
    private const string Allow = "SCMP_ACT_ALLOW", Error = "SCMP_ACT_ERRNO", Equal = "SCMP_CMP_EQ";
    private const int NotPermitted = 1, NoSystemCall = 38;

    // All CLONE_NEW* flags but CLONE_NEWTIME, which clone(2) cannot carry: no namespaces from inside.
    private const ulong NamespaceFlags = 0x7E020000;
    private const ulong AddressFamilyVsock = 40;

    private static readonly ConcurrentDictionary<bool, BundleSeccomp> Profiles = new();

    /// <summary>The profile for processes with or without CAP_SYS_CHROOT.</summary>
    public static BundleSeccomp Profile(bool canChroot) => Profiles.GetOrAdd(canChroot, Build);

    private static BundleSeccomp Build(bool canChroot)
    {
        var sections = ReadSections();
        List<string> names = [.. sections["any"], .. canChroot ? sections["SYS_CHROOT"] : []];
        List<SeccompRule> rules =
        [
            new(names, Allow),
            new(["clone"], Allow) { Args = [new(0, NamespaceFlags, 0, "SCMP_CMP_MASKED_EQ")] },
            // Its flags are behind a pointer that a filter cannot read; libraries fall back to clone on ENOSYS.
            new(["clone3"], Error) { ErrnoRet = NoSystemCall },
            // Sockets to the hypervisor would leave the sandbox.
            new(["socket"], Allow) { Args = [new(0, AddressFamilyVsock, 0, "SCMP_CMP_NE")] },
        ];
        // PER_LINUX, PER_LINUX32, both with UNAME26, and the question what it is.
        foreach (var persona in new ulong[] { 0x0, 0x8, 0x20000, 0x20008, 0xffffffff })
            rules.Add(new SeccompRule(["personality"], Allow) { Args = [new(0, persona, 0, Equal)] });
        return new BundleSeccomp(Error, NotPermitted, Architectures(), rules);
    }

    private static string[] Architectures() => RuntimeInformation.ProcessArchitecture switch
    {
        Architecture.X64 => ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"],
        Architecture.Arm64 => ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"],
        var other => throw new SandboxException($"there is no seccomp profile for {other}; Grid runs on x64 and arm64"),
    };

    private static Dictionary<string, List<string>> ReadSections()
    {
        using var stream = typeof(Seccomp).Assembly.GetManifestResourceStream("seccomp.txt")!;
        using var reader = new StreamReader(stream);
        var sections = new Dictionary<string, List<string>>(StringComparer.Ordinal);
        var current = new List<string>();
        while (reader.ReadLine() is { } line)
        {
            if (line.StartsWith('@'))
                sections[line[1..]] = current = [];
            else if (!line.StartsWith('#'))
                current.AddRange(line.Split(' ', StringSplitOptions.RemoveEmptyEntries));
        }
        return sections;
    }
}
