using System.Diagnostics;
using System.Text.Json;
using Grid.Buildpacks;
using Grid.Buildpacks.Order;
using Grid.Buildpacks.Toml;
using Grid.Lifecycle.Detect;
using Grid.Oci.FileSystem;
using Grid.Sandbox;

namespace Grid.Lifecycle.Tests.Support;

/// <summary>A recorded run of the reference's detector, laid out in a directory of its own; removed when disposed.</summary>
internal sealed class GoldenDetectCase : IDisposable
{
    private readonly string _case;
    private readonly JsonElement _json;

    public GoldenDetectCase(string name)
    {
        _case = Path.Combine(Directory, name);
        _json = JsonDocument.Parse(File.ReadAllText(_case + "/case.json")).RootElement;
        Root = System.IO.Directory.CreateTempSubdirectory("grid-golden-").FullName;
        Process.Start("/bin/cp", ["-a", _case + "/input/.", Root]).WaitForExit();
        Process.Start("/bin/chmod", ["755", Root]).WaitForExit();
        foreach (var directory in new[] { "extensions", "buildpacks", "platform/env", "layers", "app" })
            System.IO.Directory.CreateDirectory(Path.Combine(Root, directory));
        Files.ChangeOwner(Root + "/layers", new Owner(UserId, UserId), recursive: true);
    }

    /// <summary>All cases' names.</summary>
    public static IEnumerable<string> Names => System.IO.Directory.GetDirectories(Directory).Select(d => Path.GetFileName(d)!).Order(StringComparer.Ordinal);

    public string Root { get; }

    public IFileTree Files { get; } = new RootedDirectory("/");

    public int ExpectedExitCode => int.Parse(Expected("exit-code")!, System.Globalization.CultureInfo.InvariantCulture);

    public string? Expected(string path) =>
        File.Exists($"{_case}/expected/{path}") ? File.ReadAllText($"{_case}/expected/{path}").Replace("{{ROOT}}", Root, StringComparison.Ordinal) : null;

    public SortedDictionary<string, string> ExpectedGenerated() => Tree($"{_case}/expected/layers/generated");

    public SortedDictionary<string, string> Generated() => Tree(Root + "/layers/generated");

    public TomlTable? Analyzed => TomlFile.ReadIfExists(Files, Root + "/analyzed.toml");

    public string RunImageName => Analyzed?.GetTable("run-image")?.GetString("image") ?? "";

    public RunImages? Known => RunImages.ReadIfExists(Files, Root + "/run.toml");

    public DetectInput Input => new(Environment, OrderFile.Read(Files, Root + "/order.toml"), SystemFile.ReadIfExists(Files, Root + "/system.toml"))
    {
        ExperimentalMode = Variables.GetValueOrDefault("CNB_EXPERIMENTAL_MODE") == "warn" ? ExperimentalMode.Warn : ExperimentalMode.Error,
    };

    public void Dispose() => System.IO.Directory.Delete(Root, recursive: true);

    private static string Directory
    {
        get
        {
            var directory = AppContext.BaseDirectory;
            while (!System.IO.Directory.Exists(directory + "/tests/golden/detect"))
                directory = Path.GetDirectoryName(directory) ?? throw new InvalidOperationException("tests/golden/detect is not above the test");
            return directory + "/tests/golden/detect";
        }
    }

    private int UserId => _json.TryGetProperty("uid", out var uid) ? uid.GetInt32() : 1001;

    private Dictionary<string, string> Variables => _json.GetProperty("env").EnumerateObject()
        .ToDictionary(p => p.Name, p => p.Value.GetString()!.Replace("{{ROOT}}", Root, StringComparison.Ordinal));

    private PhaseEnvironment Environment => new()
    {
        PlatformApi = Variables["CNB_PLATFORM_API"],
        ImageEnv = [.. Variables.Select(v => $"{v.Key}={v.Value}")],
        User = new ProcessUser(UserId, UserId),
        Target = Target(Analyzed?.GetTable("run-image")?.GetTable("target")),
        ExecEnv = Variables.GetValueOrDefault("CNB_EXEC_ENV", "production"),
        AppDirectory = Root + "/app",
        LayersDirectory = Root + "/layers",
        PlatformDirectory = Root + "/platform",
        BuildpacksDirectory = Root + "/buildpacks",
        ExtensionsDirectory = Root + "/extensions",
        BuildConfigDirectory = Argument("-build-config") ?? Root + "/no-build-config",
        GeneratedDirectory = Root + "/layers/generated",
    };

    private string? Argument(string name)
    {
        var arguments = _json.GetProperty("args").EnumerateArray().Select(a => a.GetString()!).ToList();
        var at = arguments.IndexOf(name);
        return at < 0 ? null : arguments[at + 1].Replace("{{ROOT}}", Root, StringComparison.Ordinal);
    }

    private static Target Target(TomlTable? table) => new(table?.GetString("os") ?? "linux", table?.GetString("arch") ?? "amd64")
    {
        Variant = table?.GetString("arch-variant"),
        DistroName = table?.GetTable("distro")?.GetString("name"),
        DistroVersion = table?.GetTable("distro")?.GetString("version"),
    };

    private static SortedDictionary<string, string> Tree(string directory) => new(
        System.IO.Directory.Exists(directory)
            ? System.IO.Directory.GetFiles(directory, "*", SearchOption.AllDirectories).ToDictionary(f => f[(directory.Length + 1)..], File.ReadAllText)
            : [], StringComparer.Ordinal);
}
