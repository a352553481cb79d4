using System.Text;

namespace Grid.EndToEnd.Tests.Fixtures;

/// <summary>Writes a builder.toml with buildpacks and extensions of POSIX shell scripts beside it.</summary>
public sealed class BuilderDirectory(string path, TinyImages images)
{
    private const string Api = "0.10";
    private readonly List<string> _buildpacks = [];
    private readonly List<string> _extensions = [];
    private readonly List<string> _groups = [];
    private readonly List<string> _extensionGroup = [];

    /// <summary>A build script that makes the image start with what the app says.</summary>
    public const string WebProcess = """
        cat >"$CNB_LAYERS_DIR/launch.toml" <<'TOML'
        [[processes]]
        type = "web"
        command = ["/bin/sh", "-c", "cat hello.txt"]
        default = true
        TOML
        """;

    public string Path { get; } = path;

    /// <summary>The run image the builder names.</summary>
    public string RunImage { get; set; } = images.Run;

    /// <summary>The image it builds in.</summary>
    public string BuildImage { get; set; } = images.Build;

    /// <summary>Adds a buildpack; without a group of its own it is a group of its own.</summary>
    public BuilderDirectory Buildpack(string id, string build = WebProcess, string detect = "exit 0", bool inOrder = true)
    {
        var directory = Module("buildpacks", id);
        File.WriteAllText(System.IO.Path.Combine(directory, "buildpack.toml"), $"""
            api = "{Api}"

            [buildpack]
            id = "{id}"
            version = "1.0.0"

            [[targets]]
            os = "linux"
            """);
        Script(directory, "detect", detect);
        Script(directory, "build", build);
        _buildpacks.Add($"buildpacks/{id.Replace('/', '_')}");
        if (inOrder)
            Group((id, false));
        return this;
    }

    /// <summary>Adds a buildpack that is nothing but an order of others.</summary>
    public BuilderDirectory Composite(string id, params string[] members)
    {
        var directory = Module("buildpacks", id);
        var text = new StringBuilder($"api = \"{Api}\"\n\n[buildpack]\nid = \"{id}\"\nversion = \"1.0.0\"\n\n[[order]]\n");
        foreach (var member in members)
            text.Append("\n[[order.group]]\nid = \"").Append(member).Append("\"\nversion = \"1.0.0\"\n");
        File.WriteAllText(System.IO.Path.Combine(directory, "buildpack.toml"), text.ToString());
        _buildpacks.Add($"buildpacks/{id.Replace('/', '_')}");
        return this;
    }

    /// <summary>Adds a group to the order.</summary>
    public BuilderDirectory Group(params (string Id, bool Optional)[] elements)
    {
        var text = new StringBuilder("[[order]]\n");
        foreach (var (id, optional) in elements)
            text.Append("\n[[order.group]]\nid = \"").Append(id).Append("\"\nversion = \"1.0.0\"\n").Append(optional ? "optional = true\n" : "");
        _groups.Add(text.ToString());
        return this;
    }

    /// <summary>Adds an extension; all of them are one group. By default it always passes.</summary>
    public BuilderDirectory Extension(string id, string generate, string detect = "exit 0")
    {
        var directory = Module("extensions", id);
        File.WriteAllText(System.IO.Path.Combine(directory, "extension.toml"), $"""
            api = "{Api}"

            [extension]
            id = "{id}"
            version = "1.0.0"
            """);
        Script(directory, "detect", detect);
        Script(directory, "generate", generate);
        _extensions.Add($"extensions/{id.Replace('/', '_')}");
        _extensionGroup.Add(id);
        return this;
    }

    /// <summary>An extension that writes these Dockerfiles.</summary>
    public BuilderDirectory Dockerfiles(string id, string? build = null, string? run = null) => Extension(id,
        (build is null ? "" : Write("build.Dockerfile", build)) + (run is null ? "true\n" : Write("run.Dockerfile", run)));

    /// <summary>A Dockerfile that runs these instructions as root and gives the image back to its user.</summary>
    public static string AsRoot(string instructions) => $$"""
        ARG base_image
        FROM ${base_image}
        USER root
        {{instructions}}
        ARG user_id
        ARG group_id
        USER ${user_id}:${group_id}
        """;

    /// <summary>Shell text that writes a file of generate's output.</summary>
    public static string Write(string name, string text) => $"cat >\"$CNB_OUTPUT_DIR/{name}\" <<'END_OF_FILE'\n{text}\nEND_OF_FILE\n";

    /// <summary>Writes builder.toml and gives the directory.</summary>
    public string Write()
    {
        var text = new StringBuilder();
        foreach (var module in _buildpacks)
            text.Append("[[buildpacks]]\nuri = \"").Append(module).Append("\"\n\n");
        foreach (var module in _extensions)
            text.Append("[[extensions]]\nuri = \"").Append(module).Append("\"\n\n");
        foreach (var group in _groups)
            text.Append(group).Append('\n');
        if (_extensionGroup.Count > 0)
            text.Append("[[order-extensions]]\n");
        foreach (var id in _extensionGroup)
            text.Append("\n[[order-extensions.group]]\nid = \"").Append(id).Append("\"\nversion = \"1.0.0\"\n");
        text.Append($"\n[build]\nimage = \"{BuildImage}\"\n\n[[run.images]]\nimage = \"{RunImage}\"\n");
        WriteConfig(text.ToString());
        return Path;
    }

    /// <summary>Writes a builder.toml as it is given.</summary>
    public string WriteConfig(string text)
    {
        Directory.CreateDirectory(Path);
        File.WriteAllText(System.IO.Path.Combine(Path, "builder.toml"), text);
        return Path;
    }

    private string Module(string kind, string id) =>
        Directory.CreateDirectory(System.IO.Path.Combine(Path, kind, id.Replace('/', '_'))).FullName;

    private static void Script(string directory, string name, string text)
    {
        var file = System.IO.Path.Combine(Directory.CreateDirectory(System.IO.Path.Combine(directory, "bin")).FullName, name);
        File.WriteAllText(file, $"#!/bin/sh\nset -eu\n{text}\n");
        File.SetUnixFileMode(file, (UnixFileMode)0x1ED);
    }
}
