using Grid.Oci;
using Grid.Oci.Content;
using Grid.Oci.FileSystem;
using Grid.Oci.Images;
using Grid.Oci.Layers;
using Grid.Oci.Layouts;

namespace Grid.EndToEnd.Tests.Fixtures;

/// <summary>
/// Base images of a few megabytes: this machine's POSIX shell and core utilities with the libraries they need, and a CNB user. No network, no
/// package manager: a test's build takes as long as Grid does.
/// </summary>
public sealed class TinyImages
{
    public const int UserId = 1001;

    private static readonly string[] Programs =
    [
        "sh", "cat", "cp", "mv", "rm", "mkdir", "ls", "env", "id", "sleep", "date", "chmod", "chown", "ln", "touch", "head", "tail", "wc", "sort",
        "tr", "stat", "sha256sum", "sed", "grep", "readlink", "true", "false", "dd", "sync", "find", "bash",
    ];

    private readonly string _layout;

    private TinyImages(string layout, string root) => (_layout, Root) = (layout, root);

    /// <summary>The files of <see cref="Build"/> and <see cref="Run"/>.</summary>
    public string Root { get; }

    public string Build => $"oci:{_layout}:build";

    public string Run => $"oci:{_layout}:run";

    /// <summary>Another run image; it has the file <c>/etc/other-run-image</c>.</summary>
    public string OtherRun => $"oci:{_layout}:other-run";

    public static async Task<TinyImages> CreateAsync(string directory)
    {
        var root = Path.Combine(directory, "root");
        await FillAsync(root);
        var content = new ContentStore(Path.Combine(directory, "content"));
        var layer = Pack(content, root);
        var layout = Path.Combine(directory, "layout");
        await PushAsync(content, [layer], layout, "build", ["CNB_USER_ID=1001", "CNB_GROUP_ID=1001"]);
        await PushAsync(content, [layer], layout, "run", []);
        var other = Path.Combine(directory, "other");
        Directory.CreateDirectory(Path.Combine(other, "etc"));
        await File.WriteAllTextAsync(Path.Combine(other, "etc", "other-run-image"), "yes\n");
        await PushAsync(content, [layer, Pack(content, other)], layout, "other-run", []);
        return new TinyImages(layout, root);
    }

    private static Layer Pack(ContentStore content, string root) =>
        DirectoryLayer.Create(content, new RootedDirectory(root), "/", new DirectoryLayerOptions(), CancellationToken.None);

    private static async Task PushAsync(ContentStore content, IReadOnlyList<Layer> layers, string layout, string tag, string[] variables)
    {
        var builder = ImageBuilder.FromScratch(new Platform("linux", await ArchitectureAsync()));
        foreach (var layer in layers)
            builder.AddLayer(layer, content);
        builder.Config = builder.Config with
        {
            Config = new ContainerConfig
            {
                User = $"{UserId}:{UserId}",
                Env = ["PATH=/usr/bin:/bin", .. variables],
                Labels = new Dictionary<string, string>
                {
                    ["io.buildpacks.base.distro.name"] = "tiny",
                    ["io.buildpacks.base.distro.version"] = "1",
                },
            },
        };
        await new LayoutImageStore().PushAsync(builder.Build(), new ImageLocation.Layout(layout, tag), null, CancellationToken.None);
    }

    private static async Task<string> ArchitectureAsync() => (await Tool.RunAsync("dpkg", "--print-architecture")).Trim();

    private static async Task FillAsync(string root)
    {
        foreach (var path in new[] { "usr/bin", "etc", "tmp", "home/cnb", "root", "var" })
            Directory.CreateDirectory(Path.Combine(root, path));
        foreach (var link in new[] { "bin", "lib", "lib64", "sbin" })
        {
            Directory.CreateDirectory(Path.Combine(root, "usr", link));
            File.CreateSymbolicLink(Path.Combine(root, link), "usr/" + link);
        }
        foreach (var program in Programs)
        {
            var path = Directory.Exists("/usr/bin") && File.Exists($"/usr/bin/{program}") ? $"/usr/bin/{program}" : $"/bin/{program}";
            File.Copy(File.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName ?? path, Path.Combine(root, "usr/bin", program), overwrite: true);
            // "libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x…)" and "/lib64/ld-linux-x86-64.so.2 (0x…)"
            var libraries = (await Tool.RunAsync("ldd", path)).Split([' ', '\t', '\n'], StringSplitOptions.RemoveEmptyEntries).Where(word => word.StartsWith('/'));
            foreach (var library in libraries)
            {
                var target = Path.Combine(root, "usr", library.StartsWith("/usr/", StringComparison.Ordinal) ? library[5..] : library[1..]);
                Directory.CreateDirectory(Path.GetDirectoryName(target)!);
                File.Copy(library, target, overwrite: true);
            }
        }
        await File.WriteAllTextAsync(Path.Combine(root, "etc/passwd"), $"root:x:0:0:root:/root:/bin/sh\ncnb:x:{UserId}:{UserId}::/home/cnb:/bin/sh\n");
        await File.WriteAllTextAsync(Path.Combine(root, "etc/group"), $"root:x:0:\ncnb:x:{UserId}:\n");
        await Tool.RunAsync("chmod", "1777", Path.Combine(root, "tmp"));
        await Tool.RunAsync("chown", $"{UserId}:{UserId}", Path.Combine(root, "home/cnb"));
    }
}
