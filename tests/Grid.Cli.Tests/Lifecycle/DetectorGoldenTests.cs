using System.Text.Json;
using Grid.Buildpacks.Toml;
using Grid.Oci.FileSystem;

namespace Grid.Cli.Tests.Lifecycle;

/// <summary>The recorded runs of the reference's detector, by <c>grid lifecycle detector</c> as the user of each case.</summary>
public sealed class DetectorGoldenTests
{
    /// <summary>Cases whose result differs, with the row of the list of the reference's defects (docs/conformance.md) that says why.</summary>
    private static readonly Dictionary<string, string> OtherTree = new()
    {
        ["260-prepopulated"] = "row 10: the reference forgets to copy the files of extensions without bin/generate",
    };

    private static readonly RootedDirectory Files = new("/");

    public static TheoryData<string> Cases => [.. Directory.GetDirectories(Root).Select(d => Path.GetFileName(d)!).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Cases))]
    [Spec("platform/detect.ext.cleared", "platform/detect.ext.name", Case = "202-run-switch")]
    [Spec("platform/analyzed.metadata", Case = "272-analyzed-already-extend")]
    public async Task Detector_DoesWhatTheReferenceDid(string name)
    {
        GridProcess.SkipUnlessUsable();
        using var place = new TemporaryDirectory();
        var (arguments, environment, user) = Prepare(Path.Combine(Root, name), place.Path);

        var result = await GridProcess.RunAsync(GridProcess.Path, ["lifecycle", "detector", .. arguments], environment, user, place.Path + "/app");

        string Expected(string file) => Path.Combine(Root, name, "expected", file);
        result.ExitCode.ToString(System.Globalization.CultureInfo.InvariantCulture).ShouldBe(File.ReadAllText(Expected("exit-code")).Trim(), result.Output + result.Error);
        result.Error.ShouldBeEmpty();
        // group.toml and plan.toml are there as soon as a group is found, also when its extensions fail.
        foreach (var file in new[] { "group.toml", "plan.toml", "analyzed.toml" })
            Document(place.Path + "/layers/" + file).ShouldBe(Document(Expected("layers/" + file)), file);
        if (result.ExitCode != 0)
        {
            result.Output.ShouldContain("ERROR: ");
            return;
        }
        Said(result.Output).ShouldBe(Said(File.ReadAllText(Expected("stdout.info.txt")).Replace("{{ROOT}}", place.Path, StringComparison.Ordinal)));
        if (OtherTree.ContainsKey(name))
            Tree(place.Path + "/layers/generated").ShouldNotBe(Tree(Expected("layers/generated")));
        else
            Tree(place.Path + "/layers/generated").ShouldBe(Tree(Expected("layers/generated")));
    }

    private static (List<string> Arguments, Dictionary<string, string> Environment, int User) Prepare(string recorded, string place)
    {
        var json = JsonDocument.Parse(File.ReadAllText(recorded + "/case.json")).RootElement;
        Copy(recorded + "/input", place);
        Files.SetMode(place, 0x1ED);
        foreach (var directory in new[] { "extensions", "buildpacks", "platform/env", "layers", "app" })
            Directory.CreateDirectory(Path.Combine(place, directory));
        if (File.Exists(place + "/analyzed.toml"))
            File.Move(place + "/analyzed.toml", place + "/layers/analyzed.toml");
        var user = json.TryGetProperty("uid", out var uid) ? uid.GetInt32() : 1001;
        Files.ChangeOwner(place + "/layers", new Owner(user, user), recursive: true);
        string Here(string? text) => text!.Replace("{{ROOT}}", place, StringComparison.Ordinal);
        return ([.. json.GetProperty("args").EnumerateArray().Select(a => Here(a.GetString()))],
            json.GetProperty("env").EnumerateObject().ToDictionary(p => p.Name, p => Here(p.Value.GetString())), user);
    }

    private static void Copy(string from, string to)
    {
        foreach (var (path, entry) in new RootedDirectory(from).Walk())
        {
            var target = to + path;
            if (entry.IsDirectory)
                Directory.CreateDirectory(target);
            else if (entry.LinkTarget is { } link)
                File.CreateSymbolicLink(target, link);
            else
                File.Copy(from + path, target, overwrite: true);
        }
    }

    /// <summary>A file's tables without their order: the reference's plan comes from a map.</summary>
    private static List<string> Document(string path) => !File.Exists(path) ? ["no file"]
        : [.. TomlFile.Parse(File.ReadAllText(path), path).Entries.SelectMany(e => e.Value is TomlArray { HoldsTables: true } tables
            ? tables.Items.Select(t => $"[[{e.Key}]]\n{TomlWriter.Write((TomlTable)t)}")
            : [TomlWriter.Write(new TomlTable().Set(e.Key, e.Value))]).Order(StringComparer.Ordinal)];

    /// <summary>The lines without those that only we say: which module the execution environment leaves out (row 5), and that an argument has no effect (row 14).</summary>
    private static List<string> Said(string output) => [.. output.Split('\n').Where(line => line.Length > 0
        && !line.Contains("not for the execution environment", StringComparison.Ordinal)
        && !line.EndsWith("is given by the lifecycle; the value is ignored", StringComparison.Ordinal))];

    private static SortedDictionary<string, string> Tree(string directory) => new(
        Directory.Exists(directory) ? Directory.GetFiles(directory, "*", SearchOption.AllDirectories).ToDictionary(f => f[(directory.Length + 1)..], File.ReadAllText) : [],
        StringComparer.Ordinal);

    private static string Root
    {
        get
        {
            var directory = AppContext.BaseDirectory;
            while (!Directory.Exists(directory + "/tests/golden/detect"))
                directory = Path.GetDirectoryName(directory) ?? throw new InvalidOperationException("tests/golden/detect is not above the test");
            return directory + "/tests/golden/detect";
        }
    }
}
