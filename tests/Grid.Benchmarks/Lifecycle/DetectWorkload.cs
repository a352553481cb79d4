using System.Text;
using Grid.Benchmarks.Workspace;

namespace Grid.Benchmarks.Lifecycle;

/// <summary>Many buildpacks that all pass and want each other's dependencies, and an order in which only the last group gets what it wants.</summary>
internal sealed class DetectWorkload
{
    public const int Buildpacks = 50;
    public const int Groups = 200;
    private const int GroupSize = 10;

    private readonly string _grid;
    private readonly string _directory;

    public DetectWorkload(string grid, string work)
    {
        (_grid, _directory) = (grid, Path.Combine(work, "detect"));
        for (var i = 1; i <= Buildpacks; i++)
            WriteBuildpack(i);
        WriteOrder();
        foreach (var name in (string[])["app", "layers", "platform"])
            Directory.CreateDirectory(Path.Combine(_directory, name));
        File.SetUnixFileMode(Path.Combine(_directory, "layers"), (UnixFileMode)0x1FF);
    }

    public async Task<double> GridAsync(CancellationToken cancellationToken)
    {
        string[] paths = ["app", "layers", "platform", "buildpacks"];
        var result = await Tool.RunAsync(
            "setpriv",
            ["--reuid", "1001", "--regid", "1001", "--clear-groups", _grid, "lifecycle", "detector", "-order", Path.Combine(_directory, "order.toml"), .. paths.SelectMany(p => new[] { "-" + p, Path.Combine(_directory, p) })],
            new Dictionary<string, string> { ["CNB_PLATFORM_API"] = "0.13", ["DOTNET_TieredPGO"] = "0" },
            cancellationToken);
        var group = await File.ReadAllTextAsync(Path.Combine(_directory, "layers/group.toml"), cancellationToken);
        return group.Contains($"bench/b{Buildpacks}\"", StringComparison.Ordinal) ? result.Elapsed.TotalSeconds : throw new BenchmarkException($"the detector chose another group than the last:\n{group}");
    }

    /// <summary>What nobody can be faster than without running several at once: the programs themselves.</summary>
    public async Task<double> OnlyProgramsAsync(CancellationToken cancellationToken)
    {
        var script = $"for d in {_directory}/buildpacks/*/1/bin/detect; do CNB_BUILD_PLAN_PATH={_directory}/layers/plan $d; done";
        return (await Tool.RunAsync("sh", ["-c", script], cancellationToken)).Elapsed.TotalSeconds;
    }

    private void WriteBuildpack(int number)
    {
        var directory = Path.Combine(_directory, "buildpacks", $"bench_b{number}", "1");
        Directory.CreateDirectory(Path.Combine(directory, "bin"));
        File.WriteAllText(Path.Combine(directory, "buildpack.toml"), $"api = \"0.10\"\n\n[buildpack]\nid = \"bench/b{number}\"\nversion = \"1\"\n\n[[targets]]\nos = \"linux\"\n");
        var wanted = number == Buildpacks ? $"d{number}" : "nobody-has-it";
        var detect = Path.Combine(directory, "bin", "detect");
        File.WriteAllText(detect,
            $"#!/bin/sh\nprintf '[[provides]]\\nname = \"d{number}\"\\n[[requires]]\\nname = \"{wanted}\"\\n[[or]]\\n[[or.provides]]\\nname = \"e{number}\"\\n[[or.requires]]\\nname = \"{wanted}\"\\n' >\"$CNB_BUILD_PLAN_PATH\"\n");
        File.SetUnixFileMode(detect, (UnixFileMode)0x1ED);
    }

    private void WriteOrder()
    {
        var text = new StringBuilder();
        for (var group = 1; group <= Groups; group++)
        {
            text.Append("[[order]]\n");
            var members = group == Groups ? [Buildpacks] : Enumerable.Range(0, GroupSize).Select(i => (group * 7 + i * 5) % (Buildpacks - 1) + 1).Distinct();
            foreach (var member in members)
                text.Append($"[[order.group]]\nid = \"bench/b{member}\"\nversion = \"1\"\n");
        }
        File.WriteAllText(Path.Combine(_directory, "order.toml"), text.ToString());
    }
}
