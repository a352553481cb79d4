using Grid.Buildpacks;
using Grid.Oci.FileSystem;

namespace Grid.Lifecycle.Detect;

/// <summary>Completes a run image's target that says nothing about a distribution from <c>/etc/os-release</c> of the build image (spec-facts §1.4).</summary>
public static class OsRelease
{
    private const int MaxBytes = 64 * 1024;

    /// <summary>The target with what is missing; null stands for an image nobody has looked at.</summary>
    public static Target Complete(Target? target, IFileTree files, IPhaseLog log)
    {
        if (target is { DistroName: not null } or { DistroVersion: not null })
            return target;
        var os = string.IsNullOrEmpty(target?.Os) ? HostPlatform.Current.Os : target.Os;
        var arch = string.IsNullOrEmpty(target?.Arch) ? HostPlatform.Current.Architecture : target.Arch;
        log.Info("target distro name/version labels not found, reading /etc/os-release file");
        var (name, version) = Read(files);
        return new Target(os, arch) { Id = target?.Id, Variant = target?.Variant, DistroName = name, DistroVersion = version };
    }

    private static (string? Name, string? Version) Read(IFileTree files)
    {
        if (files.Stat("/etc/os-release") is not { IsFile: true })
            return (null, null);
        using var stream = files.OpenRead("/etc/os-release");
        var buffer = new byte[MaxBytes];
        var text = System.Text.Encoding.UTF8.GetString(buffer, 0, stream.ReadAtLeast(buffer, MaxBytes, throwOnEndOfStream: false));
        var values = text.Split('\n').Select(line => line.Split('=', 2)).Where(parts => parts.Length == 2).ToLookup(parts => parts[0].Trim(), parts => parts[1].Trim().Trim('"', '\''));
        return (values["ID"].FirstOrDefault(), values["VERSION_ID"].FirstOrDefault());
    }
}
