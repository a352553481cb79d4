using System.Text.Json;
using Grid.Benchmarks.Workspace;

namespace Grid.Benchmarks.Contenders;

/// <summary>
/// The floor: the same commands in a chroot over an overlay mount of the base image. No layer is made, nothing is isolated or hashed.
/// (Whiteouts of a base with several layers are not applied.)
/// </summary>
internal sealed class CommandsBuilder : IBuilder
{
    private const string Script =
        """
        set -e
        mkdir -p "$WORK/upper" "$WORK/work" "$WORK/root"
        mount -t overlay overlay -o "lowerdir=$LOWER,upperdir=$WORK/upper,workdir=$WORK/work" "$WORK/root"
        mount -t proc proc "$WORK/root/proc"
        mount --rbind /dev "$WORK/root/dev"
        cat /etc/resolv.conf >"$WORK/root/etc/resolv.conf"
        for command in "$@"; do DEBIAN_FRONTEND=noninteractive chroot "$WORK/root" /bin/sh -c "$command"; done
        [ -z "$CONTEXT" ] || cp -r "$CONTEXT" "$WORK/root$TARGET"
        """;

    private readonly string _directory;
    private int _runs;

    private CommandsBuilder(string directory) => _directory = directory;

    public string Name => "only the commands (chroot)";

    public bool HasCache => false;

    public bool CanDoBothAtOnce => true;

    public static async Task<CommandsBuilder> PrepareAsync(string store, Inputs inputs, CancellationToken cancellationToken)
    {
        var builder = new CommandsBuilder(Directory.CreateDirectory(Path.Combine(store, "commands")).FullName);
        foreach (var kind in new[] { "build", "run" })
        {
            var lower = Directory.CreateDirectory(builder.Lower(kind)).FullName;
            foreach (var layer in await LayersAsync(inputs.BaseLayout, kind, cancellationToken))
                await Tool.RunAsync("tar", ["--extract", "--file", layer, "--directory", lower, "--numeric-owner", "--same-permissions", "--xattrs", "--xattrs-include=*"], cancellationToken);
        }
        return builder;
    }

    public Task ApplyAsync(Workload workload, string kind, string edit, bool cold, CancellationToken cancellationToken) =>
        Tool.RunAsync("unshare", ["--mount", "--propagation", "private", "sh", "-c", Script, "sh", .. workload.Edited(kind, edit)],
            new Dictionary<string, string>
            {
                ["LOWER"] = Lower(kind),
                ["WORK"] = Path.Combine(_directory, $"run-{Interlocked.Increment(ref _runs)}"),
                ["CONTEXT"] = workload.Files > 0 ? workload.Context : "",
                ["TARGET"] = Workload.Target,
            },
            cancellationToken);

    private string Lower(string kind) => Path.Combine(_directory, "base-" + kind);

    private static async Task<IReadOnlyList<string>> LayersAsync(string layout, string tag, CancellationToken cancellationToken)
    {
        var index = await ReadAsync(Path.Combine(layout, "index.json"), cancellationToken);
        var entry = index.GetProperty("manifests").EnumerateArray().FirstOrDefault(m => m.GetProperty("annotations").GetProperty("org.opencontainers.image.ref.name").GetString() == tag);
        if (entry.ValueKind == JsonValueKind.Undefined)
            throw new BenchmarkException($"the OCI layout {layout} has no tag {tag}");
        var manifest = await ReadAsync(Blob(layout, entry), cancellationToken);
        return [.. manifest.GetProperty("layers").EnumerateArray().Select(layer => Blob(layout, layer))];
    }

    private static string Blob(string layout, JsonElement descriptor) =>
        Path.Combine(layout, "blobs", descriptor.GetProperty("digest").GetString()!.Replace(':', '/'));

    private static async Task<JsonElement> ReadAsync(string path, CancellationToken cancellationToken)
    {
        using var document = JsonDocument.Parse(await File.ReadAllBytesAsync(path, cancellationToken));
        return document.RootElement.Clone();
    }
}
