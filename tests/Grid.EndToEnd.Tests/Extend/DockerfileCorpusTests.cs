using System.Globalization;
using System.Text.RegularExpressions;
using Grid.EndToEnd.Tests.Fixtures;

namespace Grid.EndToEnd.Tests.Extend;

/// <summary>
/// Our own Dockerfiles in tests/fixtures/dockerfiles, built by Grid, by Grid again from its cache, by Grid on other nodes, by Docker's classic builder and by BuildKit: the
/// file systems are the same, member by member. A comment <c># builders: buildkit</c> on top says that only this one can do it, or that we do as this one does. Each is
/// built many times: an ordinary run takes every fourth, <c>GRID_DOCKERFILE_CORPUS=all</c> takes all, <c>GRID_DOCKERFILE_CORPUS=2/4</c> the second of four parts of all.
/// </summary>
public sealed partial class DockerfileCorpusTests(TestMachine machine, DockerBuilders docker)
{
    private static readonly string? Wanted = Environment.GetEnvironmentVariable("GRID_DOCKERFILE_CORPUS");

    public static TheoryData<string> Cases => [.. Directory.GetDirectories(Root).Select(directory => Path.GetFileName(directory)!).Where(name => name != "context").Order(StringComparer.Ordinal)
        .Where((_, number) => Wanted?.Split('/') is [var part, var parts]
            ? number % int.Parse(parts, CultureInfo.InvariantCulture) == int.Parse(part, CultureInfo.InvariantCulture) - 1 : Wanted == "all" || number % 4 == 0)];

    private static string Root => Path.Combine(TestMachine.Repository, "tests/fixtures/dockerfiles");

    [Theory, MemberData(nameof(Cases))]
    public async Task All_builders_make_the_same_file_system(string name)
    {
        await docker.RequireAsync();
        var bench = await ExtendBench.NewAsync(machine);
        var text = File.ReadAllText(Path.Combine(Root, name, "Dockerfile"));
        await LayOutContextAsync(bench.Context, name);

        var cold = (await bench.RunFileAsync(text, "--refresh-extensions")).ShouldSucceed();
        var cached = (await bench.RunFileAsync(text)).ShouldSucceed();
        cached.Steps().ShouldAllBe(step => step.EndsWith("Cached", StringComparison.Ordinal));
        cached.Digest.ShouldBe(cold.Digest);
        var ours = FileSystemView.Of((await bench.ImageAsync()).Tars());

        var file = Path.Combine(Path.GetDirectoryName(bench.Context)!, "run.Dockerfile");
        var image = await docker.BaseAsync((await machine.ImagesAsync()).Run, machine.Scratch);
        var wanted = Builders().Match(text) is { Success: true } match ? match.Groups["names"].Value.Split(' ') : ["classic", "buildkit"];
        foreach (var builder in wanted)
            Difference(ours, await docker.BuildAsync(file, bench.Context, image, builder == "buildkit")).ShouldBe("", builder);
        // Last: it writes other Dockerfiles in place of this one.
        await OnOtherNodesAsync(bench, text, cold.Digest, alsoOfTheGrid: Wanted is not null || name is "run-hardlinks" or "run-delete-and-recreate");
    }

    /// <summary>A node that shares nothing makes the same layers; one of the same grid takes them, and what runs on them sees what it would see where they were made.</summary>
    private async Task OnOtherNodesAsync(ExtendBench bench, string text, string digest, bool alsoOfTheGrid)
    {
        var elsewhere = await bench.On(Path.Combine(machine.Scratch, "extend-data-elsewhere")).RunFileAsync(text, "--refresh-extensions");
        elsewhere.ShouldSucceed().Digest.ShouldBe(digest, "on a node that shares nothing");
        if (!alsoOfTheGrid)
            return;
        // The size of a directory is its file system's own affair.
        const string Listing = "RUN /usr/bin/find / -xdev -not -path '/proc/*' -not -path '/sys/*' -not -path '/dev/*' -not -path /seen \\( -type d -printf '%p %y %m %U:%G\\n' -o -printf '%p %y %m %U:%G %s %l\\n' \\) | /usr/bin/sort > /seen";
        var more = $"{text.TrimEnd()}\nUSER root\nSHELL [\"/bin/sh\", \"-c\"]\n{Listing}\nUSER 1001\n";
        var another = (await (await bench.OnAnotherNodeAsync()).RunFileAsync(more)).ShouldSucceed();
        another.Steps().SkipLast(1).ShouldAllBe(step => step.EndsWith("Cached", StringComparison.Ordinal));
        another.Steps()[^1].ShouldEndWith("Ran");
        another.Digest.ShouldBe((await bench.RunFileAsync(more)).ShouldSucceed().Digest, "on a node that unpacked what another made");
    }

    /// <summary>The members that differ. Docker's client rewrites .dockerignore when the Dockerfile is not in the context.</summary>
    private static string Difference(string ours, string theirs)
    {
        var (mine, others) = (Lines(ours), Lines(theirs));
        return string.Join('\n', others.Except(mine).Select(line => "- " + line).Concat(mine.Except(others).Select(line => "+ " + line)));

        static List<string> Lines(string view) => [.. view.Split('\n').Where(line => !line.Contains("/.dockerignore file ", StringComparison.Ordinal))];
    }

    /// <summary>The context all cases share, with archives and what a checkout does not keep; a case has its own .dockerignore.</summary>
    private static async Task LayOutContextAsync(string context, string name)
    {
        await Tool.RunAsync("cp", "-rT", Path.Combine(Root, "context"), context);
        await Tool.RunAsync("chmod", "-R", "u=rwX,go=rX", context);
        Directory.CreateDirectory(Path.Combine(context, "empty"));
        await Tool.RunAsync("tar", "-C", context, "--owner=3", "--group=4", "--mtime=@0", "--transform=s,^dir,in,", "-cf", Path.Combine(context, "archive.tar"), "dir/x", "dir/sub");
        await Tool.RunAsync("tar", "-C", context, "--owner=0", "--group=0", "--mtime=@0", "-czf", Path.Combine(context, "archive.tgz"), "other");
        var ignore = Path.Combine(Root, name, "dockerignore");
        if (File.Exists(ignore))
            File.Copy(ignore, Path.Combine(context, ".dockerignore"));
    }

    [GeneratedRegex("^# builders: (?<names>.+)$", RegexOptions.Multiline | RegexOptions.ExplicitCapture)]
    private static partial Regex Builders();
}
