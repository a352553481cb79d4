using System.Formats.Tar;
using System.IO.Compression;
using System.Text.Json;
using Grid.EndToEnd.Tests.Fixtures;

[assembly: AssemblyFixture(typeof(Grid.EndToEnd.Tests.Extend.DockerBuilders))]

namespace Grid.EndToEnd.Tests.Extend;

/// <summary>The two builders of a Docker engine: the classic one, and the BuildKit that is part of it.</summary>
public sealed class DockerBuilders : IAsyncDisposable
{
    // A newer client than the engine's own wants a plugin for BuildKit.
    private static readonly string Client = File.Exists("/usr/bin/docker") ? "/usr/bin/docker" : "docker";
    private readonly string _name = "grid-corpus-" + Guid.NewGuid().ToString("N")[..12];
    private readonly HashSet<string> _made = [];
    private Task<string?>? _problem;

    /// <summary>Skips the test when no engine answers.</summary>
    public async Task RequireAsync()
    {
        _problem ??= ProblemAsync();
        if (await _problem is { } problem)
            Assert.Skip(problem);
    }

    /// <summary>Takes the base image of an OCI layout in, once, and gives its name in the engine.</summary>
    public async Task<string> BaseAsync(string image, string scratch)
    {
        var name = _name + ":base";
        if (!_made.Add(name))
            return name;
        var archive = Path.Combine(scratch, _name + ".tar");
        await Tool.RunAsync("skopeo", "copy", "--quiet", "--insecure-policy", image, $"docker-archive:{archive}:{name}");
        await Tool.RunAsync(Client, "load", "--quiet", "--input", archive);
        return name;
    }

    /// <summary>Builds a Dockerfile and gives the file system of the image.</summary>
    public async Task<string> BuildAsync(string dockerfile, string context, string image, bool buildKit)
    {
        var name = $"{_name}:{(buildKit ? "buildkit" : "classic")}";
        _made.Add(name);
        using var process = Tool.Start(Client, ["build", "--quiet", "--no-cache", "--network", "none", "--build-arg", "base_image=" + image, "--file", dockerfile, "--tag", name, context],
            new Dictionary<string, string?> { ["DOCKER_BUILDKIT"] = buildKit ? "1" : "0" });
        var result = await Tool.EndAsync(process);
        result.ExitCode.ShouldBe(0, $"{(buildKit ? "BuildKit" : "the classic builder")}: {result}");
        return FileSystemView.Of(await LayersAsync(name, Path.GetDirectoryName(dockerfile)!));
    }

    public async ValueTask DisposeAsync()
    {
        if (_made.Count > 0)
            await Tool.TryAsync(Client, ["image", "rm", "--force", .. _made]);
    }

    private static async Task<string?> ProblemAsync()
    {
        if (!TestMachine.IsInstalled("docker"))
            return "docker is not installed";
        var answer = await Tool.TryAsync(Client, "version", "--format", "{{.Server.Version}}");
        return answer.ExitCode == 0 ? null : "no Docker engine answers (tests/with-docker-engine.sh starts one)";
    }

    private static async Task<IReadOnlyList<byte[]>> LayersAsync(string name, string scratch)
    {
        var archive = Path.Combine(scratch, "saved.tar");
        await Tool.RunAsync(Client, "save", "--output", archive, name);
        var files = new Dictionary<string, byte[]>(StringComparer.Ordinal);
        await using (var reader = new TarReader(File.OpenRead(archive)))
        {
            while (await reader.GetNextEntryAsync(copyData: true) is { } entry)
            {
                if (entry.DataStream is { } data)
                    files[entry.Name] = await PlainAsync(data);
                else if (entry.EntryType == TarEntryType.SymbolicLink)
                    files[entry.Name] = files[Path.GetRelativePath("/", Path.GetFullPath("/" + Path.GetDirectoryName(entry.Name) + "/" + entry.LinkName))];
            }
        }
        File.Delete(archive);
        var layers = JsonSerializer.Deserialize<JsonElement>(files["manifest.json"])[0].GetProperty("Layers").EnumerateArray();
        return [.. layers.Select(layer => files[layer.GetString()!])];
    }

    private static async Task<byte[]> PlainAsync(Stream data)
    {
        using var bytes = new MemoryStream();
        await data.CopyToAsync(bytes);
        if (bytes.Length < 2 || bytes.GetBuffer() is not [0x1F, 0x8B, ..])
            return bytes.ToArray();
        bytes.Position = 0;
        using var plain = new MemoryStream();
        await using (var gzip = new GZipStream(bytes, CompressionMode.Decompress))
            await gzip.CopyToAsync(plain);
        return plain.ToArray();
    }
}
