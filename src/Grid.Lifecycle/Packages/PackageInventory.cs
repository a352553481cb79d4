using Grid.Oci.FileSystem;

namespace Grid.Lifecycle.Packages;

/// <summary>
/// Finds out what a step did to an image's packages. Before and behind the step it only looks at the databases' metadata; what they hold is read, from the
/// image as it was and as it is now, when a step changed one.
/// </summary>
public sealed class PackageInventory
{
    private const string StatusDirectory = "/var/lib/dpkg/status.d";
    private const int MaxStatusFiles = 4096;

    private static readonly string[] Databases =
    [
        "/var/lib/dpkg/status", "/lib/apk/db/installed", "/usr/lib/apk/db/installed",
        "/var/lib/rpm/rpmdb.sqlite", "/usr/lib/sysimage/rpm/rpmdb.sqlite", "/var/lib/rpm/Packages.db", "/usr/lib/sysimage/rpm/Packages.db", "/var/lib/rpm/Packages",
    ];

    private readonly IFileTree _files;
    private readonly Dictionary<string, FileEntry> _before;

    private PackageInventory(IFileTree files)
    {
        _files = files;
        _before = Stat(files);
    }

    /// <summary>Remembers how the databases of a tree look before something changes it.</summary>
    public static PackageInventory Look(IFileTree files) => new(files);

    /// <summary>The databases that look different now.</summary>
    public IReadOnlyList<string> Changed()
    {
        var now = Stat(_files);
        return [.. _before.Keys.Union(now.Keys).Where(path => !(_before.TryGetValue(path, out var old) && now.TryGetValue(path, out var entry) && Same(old, entry)))];
    }

    /// <summary>All databases, before or now.</summary>
    public IReadOnlyList<string> All() => [.. _before.Keys.Union(Stat(_files).Keys)];

    /// <summary>What the databases of two trees say differently.</summary>
    /// <param name="before">The image before the step.</param>
    /// <param name="after">The image behind it.</param>
    /// <param name="databases">The databases that changed.</param>
    /// <param name="limits">Bounds for reading.</param>
    public static PackageChanges Compare(IFileTree before, IFileTree after, IReadOnlyList<string> databases, PackageLimits? limits = null)
    {
        List<Package> old = [], now = [];
        var problems = new List<string>();
        foreach (var path in databases)
        {
            try
            {
                var (was, becomes) = (Read(before, path, limits ?? new PackageLimits()), Read(after, path, limits ?? new PackageLimits()));
                old.AddRange(was);
                now.AddRange(becomes);
            }
            catch (Exception e) when (e is InvalidDataException or IOException)
            {
                problems.Add($"{path}: {e.Message}");
            }
        }
        return Difference(old, now) with { Distribution = Distribution(after), Problem = problems.Count == 0 ? null : string.Join("; ", problems) };
    }

    /// <summary>What is only in one of two lists.</summary>
    public static PackageChanges Difference(IEnumerable<Package> before, IEnumerable<Package> after)
    {
        var (old, now) = (before.ToHashSet(), after.ToHashSet());
        return new PackageChanges { Added = Sorted(now.Except(old)), Removed = Sorted(old.Except(now)) };
    }

    private static IReadOnlyList<Package> Sorted(IEnumerable<Package> packages) => [.. packages
        .OrderBy(p => p.Kind).ThenBy(p => p.Name, StringComparer.Ordinal).ThenBy(p => p.Version, StringComparer.Ordinal).ThenBy(p => p.Architecture, StringComparer.Ordinal)];

    private static Dictionary<string, FileEntry> Stat(IFileTree files)
    {
        var found = new Dictionary<string, FileEntry>(StringComparer.Ordinal);
        foreach (var path in Databases)
        {
            if (FileAt(files, path) is { } entry)
                found.Add(path, entry);
        }
        if (IsDirectory(files, StatusDirectory))
        {
            foreach (var entry in files.List(StatusDirectory).Where(e => e.IsFile && !e.Name.EndsWith(".md5sums", StringComparison.Ordinal)).Take(MaxStatusFiles))
                found.Add($"{StatusDirectory}/{entry.Name}", entry);
        }
        return found;
    }

    /// <summary>The regular file at a path; null for everything else, also for a path that leads in circles.</summary>
    private static FileEntry? FileAt(IFileTree files, string path)
    {
        try
        {
            return files.Stat(path) is { IsFile: true } entry ? entry : null;
        }
        catch (IOException)
        {
            return null;
        }
    }

    private static bool IsDirectory(IFileTree files, string path)
    {
        try
        {
            return files.Stat(path) is { IsDirectory: true };
        }
        catch (IOException)
        {
            return false;
        }
    }

    private static IReadOnlyList<Package> Read(IFileTree files, string path, PackageLimits limits) => FileAt(files, path) is null ? [] : path[(path.LastIndexOf('/') + 1)..] switch
    {
        "installed" => ApkInstalled.Parse(ReadAll(files, path, limits), limits),
        "rpmdb.sqlite" => files.Stat(path + "-wal") is { Size: > 0 }
            ? throw new InvalidDataException("rpm left changes in its write-ahead log, which is not read; end the step with 'rpm --rebuilddb'")
            : RpmDatabase.ParseSqlite(ReadAll(files, path, limits), limits),
        "Packages.db" => RpmDatabase.ParseNdb(ReadAll(files, path, limits), limits),
        "Packages" when !path.StartsWith(StatusDirectory, StringComparison.Ordinal) => throw new InvalidDataException("it is a Berkeley DB of an rpm before 4.16, which is not read"),
        _ => DpkgStatus.Parse(ReadAll(files, path, limits), limits),
    };

    private static byte[] ReadAll(IFileTree files, string path, PackageLimits limits)
    {
        using var content = files.OpenRead(path);
        using var copy = new MemoryStream();
        var buffer = new byte[64 * 1024];
        for (int read; (read = content.Read(buffer)) > 0;)
        {
            if (copy.Length + read > limits.MaxBytes)
                throw new InvalidDataException($"it has more than {limits.MaxBytes} bytes");
            copy.Write(buffer, 0, read);
        }
        return copy.ToArray();
    }

    private static string Distribution(IFileTree files)
    {
        try
        {
            if (files.Stat("/etc/os-release") is not { IsFile: true, Size: < 64 * 1024 })
                return "";
            var line = System.Text.Encoding.UTF8.GetString(ReadAll(files, "/etc/os-release", new PackageLimits())).Split('\n').FirstOrDefault(l => l.StartsWith("ID=", StringComparison.Ordinal));
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
