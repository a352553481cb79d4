using System.Text.Json;
using System.Text.RegularExpressions;
using Grid.EndToEnd.Tests.Fixtures;

namespace Grid.EndToEnd.Tests.Extend;

/// <summary>
/// Every recorded case through <c>grid extend</c>: exit code, layers member by member and configuration are those of Docker's builder; of the
/// reference where Docker was not asked or cannot do it. What differs stands in <see cref="Differences"/>, with its reason.
/// </summary>
public sealed partial class GoldenExtendTests(DebianBase debian)
{
    /// <summary>Where we depart from the recording: replaces lines of the expected layers, or the expected exit code.</summary>
    internal static readonly Dictionary<string, Difference> Differences = new()
    {
        ["008-run-heredoc-shebang"] = new("the classic builder has no here-documents and the reference gives the #! line to sh; BuildKit runs the interpreter, and so do we")
        {
            ExitCode = 0, Instead = [("", "p file 644 0:0 perl\n")],
        },
        ["010-run-env"] = new("a host name in the environment would make layers differ from node to node; the reference has none either")
        {
            Instead = [("HOSTNAME=vm\n", "")],
        },
        ["027-copy-heredoc"] = new("the classic builder has no here-documents; the reference expands no variables in them and gives files to USER: as BuildKit we expand, and files are root's")
        {
            Instead = [("h file 644 1001:1001 hello $HOME", "h file 644 0:0 hello "), ("h2 file 644 1001:1001", "h2 file 644 0:0")],
        },
        ["040-arg-scope"] = new("Docker was not given build_id, and the image's name for base_image; the lifecycle gives base@DIGEST (§3.3)")
        {
            Instead = [("bi= base=127.0.0.1:5066/ref/run:1", "bi=set base=base@DIGEST")],
        },
        ["056-unchanged"] = new("Docker's layer has /tmp for its new time alone; our layers have no times, so nothing of it changed (row 19)")
        {
            Instead = [("\ntmp dir 1777 0:0 ", "")],
        },
        ["059-mounts"] = new("what platforms mount in extend is never part of a layer (§3.5): the reference leaves the same out")
        {
            Instead =
            [
                ("\nkaniko dir 755 0:0 \nkaniko/x dir 755 0:0 \nlayers dir 755 0:0 \nlayers/x dir 755 0:0 \nlayers/x/f file 644 0:0 2\n", ""),
                ("\nplatform dir 755 0:0 \nplatform/x dir 755 0:0 \nworkspace dir 755 0:0 \nworkspace/x dir 755 0:0 \nworkspace/x/f file 644 0:0 3\n", ""),
            ],
        },
        ["100-build-env"] = new("the reference keeps no build image; this is what the Dockerfile says")
        {
            Instead = [("", "opt dir 755 0:0 \nopt/p dir 755 0:0 \nopt/p/tool file 755 0:0 #!/bin/sh\necho tool")],
        },
        ["101-build-root-left"] = new("the reference keeps no build image; this is what the Dockerfile says") { Instead = [("", "x file 644 0:0 1\n")] },
        ["103-build-touch-volumes"] = new("the reference keeps no build image; what was written to volumes is left out of it (§3.5)")
        {
            Instead = [("", "idroot file 644 0:0 uid=0(root) gid=0(root) groups=0(root)\n")],
        },
    };

    public static TheoryData<string> Cases => [.. GoldenExtendCase.Names];

    [Theory, MemberData(nameof(Cases))]
    public async Task Extending_gives_what_was_recorded(string name)
    {
        var image = await debian.ImageAsync();
        var golden = new GoldenExtendCase(name);
        var difference = Differences.GetValueOrDefault(name) ?? new Difference("");
        var directory = Directory.CreateDirectory(Path.Combine(debian.Scratch, "golden-" + name)).FullName;
        var files = await golden.LayOutAsync(Path.Combine(directory, "input"));
        var layout = Path.Combine(directory, "image");
        using var process = Tool.Start(TestMachine.Executable, (IEnumerable<string>)
            ["extend", "--kind", golden.Kind, "--base", image, .. files.SelectMany(file => new[] { "--dockerfile", file }), "--uid", "1001", "--gid", "1001", "--output", $"oci:{layout}:app", "--json"],
            new Dictionary<string, string?> { ["GRID_DATA_DIR"] = debian.Data });
        var run = await BuildRun.OfAsync(process);
        run.ExitCode.ShouldBe(difference.ExitCode ?? golden.ReferenceExitCode, run.ToString());
        if (run.ExitCode != 0)
            return;
        var built = await BuiltImage.ReadAsync(layout);
        var layers = built.Tars().Skip(1).Select(LayerMember.Read).ToList();
        DigestText().Replace(Text(layers), "base@DIGEST").ShouldBe(difference.Apply(Text(golden.Layers())), $"{name}: {difference.Reason}");
        if (golden.Docker is { } docker)
            Config(built.Config.GetProperty("config")).ShouldBe(Config(docker.GetProperty("config")));
    }

    internal static string Text(IEnumerable<IReadOnlyList<LayerMember>> layers) => string.Join("\n---\n", layers.Select(LayerMember.Describe));

    /// <summary>The fields that say how a container runs; what is empty is left out, as builders write emptiness in several ways.</summary>
    internal static string Config(JsonElement config) => string.Join('\n', new[]
    {
        "User", "Env", "Cmd", "Entrypoint", "WorkingDir", "Labels", "OnBuild", "Shell", "ExposedPorts", "Volumes", "StopSignal", "Healthcheck",
    }.Where(field => config.TryGetProperty(field, out var value) && value.ValueKind != JsonValueKind.Null && value.GetRawText() is not ("\"\"" or "[]" or "{}"))
        .Select(field => $"{field}: {JsonSerializer.Serialize(config.GetProperty(field))}"));

    [GeneratedRegex("base@sha256:[0-9a-f]{64}")]
    internal static partial Regex DigestText();

    /// <summary>A departure from the recording.</summary>
    internal sealed record Difference(string Reason)
    {
        public int? ExitCode { get; init; }

        /// <summary>Text of the recording and what is there instead; of nothing, when nothing was recorded.</summary>
        public (string Recorded, string Ours)[] Instead { get; init; } = [];

        public string Apply(string recorded)
        {
            foreach (var (before, after) in Instead)
            {
                recorded.ShouldContain(before, Case.Sensitive, "a difference that is none any more has to go");
                recorded = before.Length == 0 ? after : recorded.Replace(before, after, StringComparison.Ordinal);
            }
            return recorded;
        }
    }
}
