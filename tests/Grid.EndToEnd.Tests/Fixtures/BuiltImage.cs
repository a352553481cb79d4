using System.Diagnostics;
using System.IO.Compression;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Grid.EndToEnd.Tests.Fixtures;

/// <summary>An image in an OCI layout as other tools see it: skopeo reads it, umoci unpacks it, runc or crun runs it.</summary>
public sealed class BuiltImage
{
    private readonly string _layout;
    private readonly string _tag;

    private BuiltImage(string layout, string tag, JsonElement config, JsonElement manifest) =>
        (_layout, _tag, Config, Manifest) = (layout, tag, config, manifest);

    /// <summary>The configuration blob.</summary>
    public JsonElement Config { get; }

    public JsonElement Manifest { get; }

    public IReadOnlyList<string> DiffIds => Strings(Config.GetProperty("rootfs").GetProperty("diff_ids"));

    public IReadOnlyList<string> LayerDigests => [.. Manifest.GetProperty("layers").EnumerateArray().Select(layer => layer.GetProperty("digest").GetString()!)];

    public IReadOnlyList<string> Entrypoint => Strings(Config.GetProperty("config").GetProperty(nameof(Entrypoint)));

    public IReadOnlyList<string> Env => Strings(Config.GetProperty("config").GetProperty(nameof(Env)));

    public string? User => Config.GetProperty("config").GetProperty(nameof(User)).GetString();

    public static Task<BuiltImage> ReadAsync(string layout, string tag = "app") => OfAsync(layout, tag);

    public string Label(string name) => Config.GetProperty("config").GetProperty("Labels").GetProperty(name).GetString()!;

    /// <summary>Unpacks the image by umoci and gives the bundle's directory.</summary>
    public async Task<string> UnpackAsync(string directory)
    {
        await Tool.RunAsync("umoci", "unpack", "--image", $"{_layout}:{_tag}", directory);
        return directory;
    }

    /// <summary>All files' bytes and names: each layer's tar, decompressed.</summary>
    public IEnumerable<byte[]> Tars() => LayerDigests.Select(digest =>
    {
        using var file = File.OpenRead(Path.Combine(_layout, "blobs", "sha256", digest["sha256:".Length..]));
        using var gzip = new GZipStream(file, CompressionMode.Decompress);
        using var tar = new MemoryStream();
        gzip.CopyTo(tar);
        return tar.ToArray();
    });

    /// <summary>Whether a text is in one of the layers.</summary>
    public bool Contains(string text) => Tars().Any(tar => tar.AsSpan().IndexOf(Encoding.UTF8.GetBytes(text)) >= 0);

    /// <summary>Starts the unpacked image in the host's network, with more variables; end it by <see cref="Process.Kill()"/>.</summary>
    public static Process Start(string bundle, params string[] variables)
    {
        var path = Path.Combine(bundle, "config.json");
        var config = JsonNode.Parse(File.ReadAllText(path))!;
        config["process"]!["terminal"] = false;
        foreach (var variable in variables)
            config["process"]!["env"]!.AsArray().Add((JsonNode)variable);
        var namespaces = config["linux"]!["namespaces"]!.AsArray();
        foreach (var own in namespaces.Where(n => (string?)n!["type"] is "network" or "cgroup").ToList())
            namespaces.Remove(own);
        File.WriteAllText(path, config.ToJsonString());
        var runtime = TestMachine.IsInstalled("runc") ? "runc" : "crun";
        return Tool.Start(runtime, ["--root", bundle + "-state", "run", "--bundle", bundle, "e2e-" + Guid.NewGuid().ToString("N")[..12]], new Dictionary<string, string?>());
    }

    private static async Task<BuiltImage> OfAsync(string layout, string tag)
    {
        var config = await Tool.RunAsync("skopeo", "inspect", "--config", "--raw", $"oci:{layout}:{tag}");
        var manifest = await Tool.RunAsync("skopeo", "inspect", "--raw", $"oci:{layout}:{tag}");
        return new BuiltImage(layout, tag, JsonSerializer.Deserialize<JsonElement>(config), JsonSerializer.Deserialize<JsonElement>(manifest));
    }

    private static IReadOnlyList<string> Strings(JsonElement array) => [.. array.EnumerateArray().Select(item => item.GetString()!)];
}
