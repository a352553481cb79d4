namespace Grid.Lifecycle.Packages;

/// <summary>A package as the image's package manager has it.</summary>
/// <param name="Kind">Whose database it is in.</param>
/// <param name="Name">Its name.</param>
/// <param name="Version">Its version as the manager writes it, with epoch and release.</param>
/// <param name="Architecture">Its architecture; empty when the database says none.</param>
public sealed record Package(PackageKind Kind, string Name, string Version, string Architecture)
{
    /// <summary>The source package, when it has another name.</summary>
    public string? Source { get; init; }

    /// <summary>Its licence, as the database words it.</summary>
    public string? License { get; init; }
}

/// <summary>A package manager.</summary>
public enum PackageKind
{
    /// <summary>dpkg: Debian, Ubuntu, distroless.</summary>
    Deb = 0,

    /// <summary>apk: Alpine, Wolfi.</summary>
    Apk = 1,

    /// <summary>rpm: Fedora, RHEL, SUSE.</summary>
    Rpm = 2,
}

/// <summary>What a step did to the packages of an image. A package that got another version is both removed and added.</summary>
public sealed record PackageChanges
{
    /// <summary>Sorted by kind, name and version.</summary>
    public IReadOnlyList<Package> Added { get; init; } = [];

    public IReadOnlyList<Package> Removed { get; init; } = [];

    /// <summary>ID of <c>/etc/os-release</c>, which package URLs name; empty when the image says none.</summary>
    public string Distribution { get; init; } = "";

    /// <summary>A database that could not be read, and why; null when all could.</summary>
    public string? Problem { get; init; }
}
