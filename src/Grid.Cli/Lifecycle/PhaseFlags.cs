namespace Grid.Cli.Lifecycle;

/// <summary>
/// Every input of every phase: name, variable and default (platform.md, tables of the phases). Which phase takes which,
/// with which Platform API, is in the phase's own file.
/// </summary>
internal static class PhaseFlags
{
    public static readonly PhaseFlag<string> Analyzed = Path("analyzed", "CNB_ANALYZED_PATH", "<layers>/analyzed.toml", "path to analyzed.toml");
    public static readonly PhaseFlag<string> App = Path("app", "CNB_APP_DIR", "/workspace", "path to the app directory");
    public static readonly PhaseFlag<string> BuildConfig = Path("build-config", "CNB_BUILD_CONFIG_DIR", "/cnb/build-config", "path to the build config directory");
    public static readonly PhaseFlag<string> BuildImage = Text("build-image", "CNB_BUILD_IMAGE", "", "reference to the build image");
    public static readonly PhaseFlag<string> Buildpacks = Path("buildpacks", "CNB_BUILDPACKS_DIR", "/cnb/buildpacks", "path to the buildpacks directory");
    public static readonly PhaseFlag<string> CacheDirectory = Path("cache-dir", "CNB_CACHE_DIR", "", "path to the cache directory");
    public static readonly PhaseFlag<string> CacheImage = Text("cache-image", "CNB_CACHE_IMAGE", "", "name of the cache image");
    public static readonly PhaseFlag<bool> Daemon = Switch("daemon", "CNB_USE_DAEMON", "read and write images of a Docker daemon");

    /// <summary>A variable only: no phase has a flag for it.</summary>
    public static readonly PhaseFlag<string> ExecEnv = Text("exec-env", "CNB_EXEC_ENV", "production", "execution environment");
    public static readonly PhaseFlag<string> Extended = Path("extended", "CNB_EXTENDED_DIR", "<layers>/extended", "path to the directory for extended images");
    public static readonly PhaseFlag<string> Extensions = Path("extensions", "CNB_EXTENSIONS_DIR", "/cnb/extensions", "path to the extensions directory");
    public static readonly PhaseFlag<bool> Force = Switch("force", "CNB_FORCE_REBASE", "rebase even where it is unsafe");
    public static readonly PhaseFlag<string> Generated = Path("generated", "CNB_GENERATED_DIR", "<layers>/generated", "path to the directory for what extensions generate");
    public static readonly PhaseFlag<int> GroupId = Number("gid", "CNB_GROUP_ID", "group id of the user in the build image");
    public static readonly PhaseFlag<string> Group = Path("group", "CNB_GROUP_PATH", "<layers>/group.toml", "path to group.toml");
    public static readonly PhaseFlag<IReadOnlyList<string>> InsecureRegistries = List("insecure-registry", "CNB_INSECURE_REGISTRIES", "registry that may be spoken to without TLS");
    public static readonly PhaseFlag<TimeSpan> KanikoCacheTtl =
        new("kaniko-cache-ttl", "CNB_KANIKO_CACHE_TTL", "how long cached extension layers are used", t => GoValues.Duration(t), TimeSpan.FromDays(14));
    public static readonly PhaseFlag<string> Kind = Text("kind", "CNB_EXTEND_KIND", "build", "kind of image to extend: build or run");
    public static readonly PhaseFlag<string> LaunchCache = Path("launch-cache", "CNB_LAUNCH_CACHE_DIR", "", "path to the launch cache directory");
    public static readonly PhaseFlag<string> Launcher = Path("launcher", null, "/cnb/lifecycle/launcher", "path to the launcher");
    public static readonly PhaseFlag<string> LauncherSbom = Path("launcher-sbom", null, "/cnb/lifecycle", "path to the directory with the launcher's SBOMs");
    public static readonly PhaseFlag<string> Layers = Path("layers", "CNB_LAYERS_DIR", "/layers", "path to the layers directory");
    public static readonly PhaseFlag<bool> Layout = Switch("layout", "CNB_USE_LAYOUT", "read and write images in OCI layout format");
    public static readonly PhaseFlag<string> LayoutDirectory = Path("layout-dir", "CNB_LAYOUT_DIR", "", "path to the directory of OCI layouts");
    public static readonly PhaseFlag<string> LogLevel = Text("log-level", "CNB_LOG_LEVEL", "info", "debug, info, warn or error");
    public static readonly PhaseFlag<bool> NoColor = Switch("no-color", "CNB_NO_COLOR", "no colors in the output");
    public static readonly PhaseFlag<string> Order = Path("order", "CNB_ORDER_PATH", "<layers>/order.toml", "path to order.toml (default: <layers>/order.toml, otherwise /cnb/order.toml)");
    public static readonly PhaseFlag<bool> Parallel = Switch("parallel", "CNB_PARALLEL_EXPORT", "export app image and cache at the same time");
    public static readonly PhaseFlag<string> Plan = Path("plan", "CNB_PLAN_PATH", "<layers>/plan.toml", "path to plan.toml");
    public static readonly PhaseFlag<string> Platform = Path("platform", "CNB_PLATFORM_DIR", "/platform", "path to the platform directory");
    public static readonly PhaseFlag<string> PreviousImage = Text("previous-image", "CNB_PREVIOUS_IMAGE", "", "reference to the previous image");
    public static readonly PhaseFlag<string> ProcessType = Text("process-type", "CNB_PROCESS_TYPE", "", "default process type");
    public static readonly PhaseFlag<string> ProjectMetadata = Path("project-metadata", "CNB_PROJECT_METADATA_PATH", "<layers>/project-metadata.toml", "path to project-metadata.toml");
    public static readonly PhaseFlag<string> Report = Path("report", "CNB_REPORT_PATH", "<layers>/report.toml", "path to report.toml");
    public static readonly PhaseFlag<string> Run = Path("run", "CNB_RUN_PATH", "/cnb/run.toml", "path to run.toml");
    public static readonly PhaseFlag<string> RunImage = Text("run-image", "CNB_RUN_IMAGE", "", "reference to the run image");
    public static readonly PhaseFlag<string> RunImageOld = Text("image", null, "", "[deprecated] reference to the run image");
    public static readonly PhaseFlag<bool> SkipLayers = Switch("skip-layers", "CNB_SKIP_LAYERS", "do not restore layers of the previous image");
    public static readonly PhaseFlag<bool> SkipRestore = Switch("skip-restore", "CNB_SKIP_RESTORE", "do not restore layers or their metadata");
    public static readonly PhaseFlag<string> Stack = Path("stack", "CNB_STACK_PATH", "/cnb/stack.toml", "path to stack.toml");
    public static readonly PhaseFlag<string> System = Path("system", "CNB_SYSTEM_PATH", "/cnb/system.toml", "path to system.toml");
    public static readonly PhaseFlag<IReadOnlyList<string>> Tags = List("tag", null, "additional name of the image");
    public static readonly PhaseFlag<int> UserId = Number("uid", "CNB_USER_ID", "user id of the user in the build image");

    /// <summary>What every phase takes.</summary>
    public static readonly PhaseFlag<bool> Version = Switch("version", null, "show the version");

    /// <summary>Where order.toml is when the layers directory has none.</summary>
    public const string BuilderOrder = "/cnb/order.toml";

    private static PhaseFlag<string> Text(string name, string? variable, string fallback, string help) => new(name, variable, help, text => text, fallback);

    private static PhaseFlag<string> Path(string name, string? variable, string fallback, string help) =>
        new(name, variable, help, text => text, fallback) { IsPath = true };

    private static PhaseFlag<bool> Switch(string name, string? variable, string help) => new(name, variable, help, text => GoValues.Boolean(text), false);

    private static PhaseFlag<int> Number(string name, string variable, string help) => new(name, variable, help, text => GoValues.Integer(text), 0);

    // In a variable the items stand behind one another with commas; each flag gives one.
    private static PhaseFlag<IReadOnlyList<string>> List(string name, string? variable, string help) =>
        new(name, variable, help, text => (string[])text.Split(','), []) { Combine = lists => [.. lists.SelectMany(list => list)] };
}
