using CsCheck;
using Grid.Buildpacks.Environment;
using Grid.Buildpacks.Tests.Support;

namespace Grid.Buildpacks.Tests.Environment;

/// <summary>The modification rules of buildpack.md §Environment against what they say, taken literally: which file comes before which.</summary>
public sealed class EnvironmentRulesTests
{
    private const string Process = "web";

    // In the order in which the rules name them.
    private static readonly string[] BuildDirectories = ["env", "env.build"];
    private static readonly string[] LaunchDirectories = ["env", "env.launch", "env.launch/" + Process];

    private static readonly string?[] Delimiters = [null, "", ":", ", "];

    /// <summary>A file of a layer: the buildpack and layer it is in, its directory, its content, and the delimiter next to it.</summary>
    private sealed record EnvFile(int Buildpack, string Layer, int Directory, string Content, string? Delimiter);

    private static readonly Gen<EnvFile> File = Gen.Select(
        Gen.Int[0, 2], Gen.Char["abc"].Select(c => c.ToString()), Gen.Int[0, 2], Gen.Char["xyz$\\\n"].Array[0, 3].Select(c => new string(c)), Gen.Int[0, 3].Select(i => Delimiters[i]),
        (buildpack, layer, directory, content, delimiter) => new EnvFile(buildpack, layer, directory, content, delimiter));

    private static readonly Gen<List<EnvFile>> Files = File.Array[0, 7].Select(files =>
        files.DistinctBy(file => (file.Buildpack, file.Layer, file.Directory)).OrderBy(file => file.Buildpack).ThenBy(file => file.Layer, StringComparer.Ordinal).ThenBy(file => file.Directory).ToList());

    [Theory]
    [InlineData("append")]
    [InlineData("prepend")]
    [InlineData("override")]
    [InlineData("default")]
    [Spec("buildpack/env.append.buildpacks", "buildpack/env.append.layers", "buildpack/env.append.directories", "buildpack/env.verbatim", "buildpack/env.delim.wins")]
    [Spec("buildpack/env.prepend.buildpacks", "buildpack/env.prepend.layers", "buildpack/env.prepend.directories")]
    [Spec("buildpack/env.override.buildpacks", "buildpack/env.override.layers", "buildpack/env.override.directories")]
    [Spec("buildpack/env.default.buildpacks", "buildpack/env.default.layers", "buildpack/env.default.directories")]
    public void Apply_FilesOfManyLayers_ComeInTheOrderOfTheRules(string action) => Gen.Select(Files, Gen.Bool.Select(set => set ? "base" : ""), Gen.Bool).Sample((files, value, launch) =>
    {
        var directories = launch ? LaunchDirectories : BuildDirectories;
        files = [.. files.Where(file => file.Directory < directories.Length)];
        var expected = Expected(action, files, value);
        var actual = Applied(action, files, value, directories);
        actual.ShouldBe(expected);
    }, iter: 150);

    [Fact]
    [Spec("buildpack/env.delim.per-layer")]
    public void Apply_SeveralActionsInALayer_AreDoneBeforeTheNextLayer()
    {
        using var tree = new TemporaryTree();
        tree.Add("/layers/a/env/V.append", "a").Add("/layers/a/env/V.delim", "-").Add("/layers/a/env.build/V.override", "over")
            .Add("/layers/b/env/V.append", "b").Add("/layers/b/env/V.delim", "+").Add("/layers/b/env.build/V.prepend", "p");
        var variables = EnvironmentVariables.Parse(["V=base"]);

        LayerEnv.ApplyBuild(variables, tree.Files, ["/layers/a", "/layers/b"]);

        variables["V"].ShouldBe("pover+b");
    }

    [Fact]
    [Spec("buildpack/env.layers", "buildpack/env.layers.reverse", "buildpack/env.layers.separator")]
    public void Apply_DirectoriesOfLaterBuildpacks_ComeFirst()
    {
        using var tree = new TemporaryTree();
        tree.Add("/layers/first/l/bin/x").Add("/layers/first/l/lib/x").Add("/layers/second/l/bin/x");
        var (build, launch) = (EnvironmentVariables.Parse(["PATH=/bin"]), EnvironmentVariables.Parse(["PATH=/bin"]));

        foreach (var layer in (string[])["/layers/first/l", "/layers/second/l"])
        {
            LayerEnv.ApplyBuild(build, tree.Files, [layer]);
            LayerEnv.ApplyLaunch(launch, tree.Files, [layer]);
        }

        build.ToList().ShouldBe(["LD_LIBRARY_PATH=/layers/first/l/lib", "LIBRARY_PATH=/layers/first/l/lib", "PATH=/layers/second/l/bin:/layers/first/l/bin:/bin"]);
        launch.ToList().ShouldBe(["LD_LIBRARY_PATH=/layers/first/l/lib", "PATH=/layers/second/l/bin:/layers/first/l/bin:/bin"]);
    }

    private static string Expected(string action, List<EnvFile> files, string value) => action switch
    {
        "append" => files.Aggregate(value, (left, file) => left.Length == 0 ? file.Content : left + file.Delimiter + file.Content),
        "prepend" => files.Aggregate(value, (right, file) => right.Length == 0 ? file.Content : file.Content + file.Delimiter + right),
        "override" => files.Count == 0 ? value : files[^1].Content,
        _ => value.Length > 0 ? value : files.Select(file => file.Content).FirstOrDefault(content => content.Length > 0) ?? "",
    };

    private static string Applied(string action, List<EnvFile> files, string value, string[] directories)
    {
        using var tree = new TemporaryTree();
        foreach (var file in files)
        {
            var directory = $"/layers/{file.Buildpack}/{file.Layer}/{directories[file.Directory]}";
            tree.Add($"{directory}/V.{action}", file.Content);
            if (file.Delimiter is not null)
                tree.Add($"{directory}/V.delim", file.Delimiter);
        }
        var variables = EnvironmentVariables.Parse(["V=" + value]);
        foreach (var buildpack in files.GroupBy(file => file.Buildpack))
        {
            var layers = buildpack.Select(file => $"/layers/{file.Buildpack}/{file.Layer}").Distinct();
            if (directories.Length == LaunchDirectories.Length)
                LayerEnv.ApplyLaunch(variables, tree.Files, layers, Process);
            else
                LayerEnv.ApplyBuild(variables, tree.Files, layers);
        }
        return variables["V"];
    }
}
