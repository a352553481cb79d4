using Grid.Oci.FileSystem;

namespace Grid.Lifecycle.Packages;

/// <summary>
/// Lists what a step did to an image's packages. The databases are opened before the step, which costs nothing, and read only when it changed them: an open
/// file of a lower layer keeps showing what was there before.
/// </summary>
public sealed class PackageInventory : IDisposable
{
    private const string StatusDirectory = "/var/lib/dpkg/status.d";
    private const int MaxStatusFiles = 4096;

    private static readonly string[] Databases =
    [
        "/var/lib/dpkg/status", "/lib/apk/db/installed", "/usr/lib/apk/db/installed",
        "/var/lib/rpm/rpmdb.sqlite", "/usr/lib/sysimage/rpm/rpmdb.sqlite", "/var/lib/rpm/Packages.db", "/usr/lib/sysimage/rpm/Packages.db", "/var/lib/rpm/Packages",
    ];

    private readonly IFileTree _files;
    private readonly PackageLimits _limits;
    private readonly Dictionary<string, (FileEntry Entry, Stream Content)> _before = new(StringComparer.Ordinal);
    private readonly Dictionary<string, FileEntry> _statusBefore;
    private readonly List<Package> _statusPackages = [];

    private PackageInventory(IFileTree files, PackageLimits limits)
    {
        _files = files;
        _limits = limits;
        foreach (var path in Databases)
        {
            if (files.Stat(path) is { IsFile: true } entry)
                _before.Add(path, (entry, files.OpenRead(path)));
        }
        _statusBefore = StatusFiles();
        // Small files of images that are seldom extended; there is no keeping thousands of them open.
        foreach (var name in _statusBefore.Keys)
            _statusPackages.AddRange(DpkgStatus.Parse(Read(StatusDirectory + "/" + name), limits));
    }

    /// <summary>Opens the databases of a tree before something changes it.</summary>
    public static PackageInventory Open(IFileTree files, PackageLimits? limits = null) => new(files, limits ?? new PackageLimits());

    /// <summary>What has changed since; null when no database has.</summary>
    public PackageChanges? Changes()
    {
        List<Package> before = [], after = [];
        var problems = new List<string>();
        var changed = false;
        foreach (var path in Databases)
        {
            var now = _files.Stat(path) is { IsFile: true } entry ? entry : null;
            var known = _before.TryGetValue(path, out var open);
            if ((now is null && !known) || (now is not null && known && Same(open.Entry, now)))
                continue;
            changed = true;
            try
            {
                if (known)
                    before.AddRange(Parse(path, ReadAll(open.Content, path)));
                if (now is not null)
                    after.AddRange(Parse(path, Read(path)));
            }
            catch (Exception e) when (e is InvalidDataException or IOException)
            {
                problems.Add($"{path}: {e.Message}");
            }
        }
        changed |= StatusChanges(before, after);
        if (!changed)
            return null;
        return Difference(before, after) with { Distribution = Distribution(), Problem = problems.Count == 0 ? null : string.Join("; ", problems) };
    }

    public void Dispose()
    {
        foreach (var (_, content) in _before.Values)
            content.Dispose();
    }

    /// <summary>What is only in one of two lists.</summary>
    public static PackageChanges Difference(IEnumerable<Package> before, IEnumerable<Package> after)
    {
        var (old, now) = (before.ToHashSet(), after.ToHashSet());
        return new PackageChanges { Added = Sorted(now.Except(old)), Removed = Sorted(old.Except(now)) };
    }

    private static IReadOnlyList<Package> Sorted(IEnumerable<Package> packages) => [.. packages
        .OrderBy(p => p.Kind).ThenBy(p => p.Name, StringComparer.Ordinal).ThenBy(p => p.Version, StringComparer.Ordinal).ThenBy(p => p.Architecture, StringComparer.Ordinal)];

    private bool StatusChanges(List<Package> before, List<Package> after)
    {
        var now = StatusFiles();
        if (now.Count == _statusBefore.Count && now.All(f => _statusBefore.TryGetValue(f.Key, out var old) && Same(old, f.Value)))
            return false;
        before.AddRange(_statusPackages);
        foreach (var name in now.Keys)
            after.AddRange(DpkgStatus.Parse(Read(StatusDirectory + "/" + name), _limits));
        return true;
    }

    private Dictionary<string, FileEntry> StatusFiles() => _files.Stat(StatusDirectory) is not { IsDirectory: true } ? []
        : _files.List(StatusDirectory).Where(e => e.IsFile && !e.Name.EndsWith(".md5sums", StringComparison.Ordinal)).Take(MaxStatusFiles).ToDictionary(e => e.Name, StringComparer.Ordinal);

    private IReadOnlyList<Package> Parse(string path, byte[] content) => path[(path.LastIndexOf('/') + 1)..] switch
    {
        "status" => DpkgStatus.Parse(content, _limits),
        "installed" => ApkInstalled.Parse(content, _limits),
        "rpmdb.sqlite" => _files.Stat(path + "-wal") is { Size: > 0 }
            ? throw new InvalidDataException("rpm left changes in its write-ahead log, which is not read; end the step with 'rpm --rebuilddb'")
            : RpmDatabase.ParseSqlite(content, _limits),
        "Packages.db" => RpmDatabase.ParseNdb(content, _limits),
        _ => throw new InvalidDataException("it is a Berkeley DB of an rpm before 4.16, which is not read"),
    };

    private byte[] Read(string path)
    {
        using var content = _files.OpenRead(path);
        return ReadAll(content, path);
    }

    private byte[] ReadAll(Stream content, string path)
    {
        using var copy = new MemoryStream();
        var buffer = new byte[64 * 1024];
        for (int read; (read = content.Read(buffer)) > 0;)
        {
            if (copy.Length + read > _limits.MaxBytes)
                throw new InvalidDataException($"{path} has more than {_limits.MaxBytes} bytes");
            copy.Write(buffer, 0, read);
        }
        return copy.ToArray();
    }

    private string Distribution()
    {
        try
        {
            if (_files.Stat("/etc/os-release") is not { IsFile: true, Size: < 64 * 1024 })
                return "";
            var line = System.Text.Encoding.UTF8.GetString(Read("/etc/os-release")).Split('\n').FirstOrDefault(l => l.StartsWith("ID=", StringComparison.Ordinal));
            var id = line?[3..].Trim().Trim('"', '\'') ?? "";
            return id.Length <= 64 && id.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-') ? id : "";
        }
        catch (IOException)
        {
            // A link to nowhere, or something else by that name: packages are listed all the same.
            return "";
        }
    }

    private static bool Same(FileEntry a, FileEntry b) =>
        a.Size == b.Size && a.ModifiedTime == b.ModifiedTime && a.Inode == b.Inode && a.FileSystem == b.FileSystem;
}
