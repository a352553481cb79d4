using System.Diagnostics;
using Grid.Oci.Content;
using Grid.Oci.FileSystem;
using Grid.Oci.Images;
using Grid.Oci.Layers;

namespace Grid.Sandbox.Tests;

/// <summary>A small image made of this machine's shell, core utilities and perl, without /dev, /proc, /sys and /run.</summary>
internal static class BaseImage
{
    private static readonly string[] Programs =
    [
        "/bin/sh", "/usr/bin/perl", "/usr/bin/setpriv", "/sbin/setcap", "/usr/sbin/setcap",
        .. "cat chmod chown cp dd echo env false head id ln ls mkdir mkfifo mknod mv rm rmdir seq sleep stat sync tail tr touch true truncate uname wc yes"
            .Split(' ').Select(name => "/bin/" + name),
    ];

    private static readonly Lazy<(Layer Layer, IBlobSource Store)> Made = new(Make);

    public static Layer Layer => Made.Value.Layer;

    /// <summary>Where its blob comes from.</summary>
    public static IBlobSource Store => Made.Value.Store;

    private static (Layer Layer, IBlobSource Store) Make()
    {
        var directory = System.IO.Directory.CreateTempSubdirectory("grid-base-");
        try
        {
            var store = new ContentStore(directory.FullName);
            var layer = Create(store);
            return (layer, new MemoryBlob(File.ReadAllBytes(store.PathOf(layer.Blob.Digest))));
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    private static Layer Create(ContentStore store)
    {
        var files = new SortedDictionary<string, byte[]>(StringComparer.Ordinal)
        {
            ["etc/passwd"] = "root:x:0:0:root:/root:/bin/sh\ncnb:x:1000:1000::/home/cnb:/bin/sh\n"u8.ToArray(),
            ["etc/group"] = "root:x:0:\ncnb:x:1000:\n"u8.ToArray(),
        };
        foreach (var program in Programs.Where(p => File.Exists(p) || File.Exists("/usr" + p)))
        {
            var source = File.Exists(program) ? program : "/usr" + program;
            files[program[1..]] = File.ReadAllBytes(source);
            foreach (var library in Libraries(source))
                files[library[1..]] = File.ReadAllBytes(library);
        }
        using var writer = LayerWriter.Create(store);
        foreach (var directory in new[] { "data", "home", "root", "tmp" }.Concat(files.Keys.SelectMany(Parents)).Distinct().Order(StringComparer.Ordinal))
            writer.Write(new LayerEntry(directory, LayerEntryType.Directory) { Mode = directory == "tmp" ? 0x3FF : 0x1ED });
        foreach (var (path, content) in files)
            writer.Write(new LayerEntry(path, LayerEntryType.File) { Mode = path.StartsWith("etc/", StringComparison.Ordinal) ? 0x1A4 : 0x1ED, Size = content.Length }, new MemoryStream(content));
        return writer.Complete();
    }

    public static Layer Of(ContentStore store, params (LayerEntry Entry, string? Content)[] entries)
    {
        using var writer = LayerWriter.Create(store);
        foreach (var (entry, content) in entries)
        {
            var bytes = System.Text.Encoding.UTF8.GetBytes(content ?? "");
            writer.Write(entry with { Size = bytes.Length }, content is null ? null : new MemoryStream(bytes));
        }
        return writer.Complete();
    }

    private static IEnumerable<string> Parents(string path)
    {
        for (var slash = path.IndexOf('/', StringComparison.Ordinal); slash > 0; slash = path.IndexOf('/', slash + 1))
            yield return path[..slash];
    }

    private static IEnumerable<string> Libraries(string program)
    {
        using var ldd = Process.Start(new ProcessStartInfo("ldd", program) { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true })!;
        var output = ldd.StandardOutput.ReadToEnd();
        ldd.WaitForExit();
        return output.Split('\n').SelectMany(line => line.Split(' ', '\t')).Where(word => word.StartsWith('/') && File.Exists(word)).Distinct();
    }

    private sealed class MemoryBlob(byte[] bytes) : IBlobSource
    {
        public Task<Stream> OpenAsync(Descriptor blob, CancellationToken cancellationToken) => Task.FromResult<Stream>(new MemoryStream(bytes, writable: false));
    }
}
