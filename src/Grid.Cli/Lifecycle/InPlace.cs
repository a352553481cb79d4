using System.Collections;
using Grid.Buildpacks;
using Grid.Buildpacks.Analyze;
using Grid.Lifecycle;
using Grid.Oci.FileSystem;
using Grid.Sandbox;
using Grid.Sandbox.OciRuntime.InPlace;

namespace Grid.Cli.Lifecycle;

/// <summary>What phases that run in place have in common: the machine's files, this process's environment and user, and the files between phases.</summary>
internal static class InPlace
{
    private const int DirectoryMode = 0x1ED; // 0755
    private const int FileMode = 0x1A4; // 0644

    /// <summary>The machine's own root.</summary>
    public static IFileTree Files { get; } = new RootedDirectory("/");

    public static ISandbox Sandbox() => new InPlaceSandbox();

    /// <summary>This process's user.</summary>
    public static ProcessUser User() => OwnIdentity.User;

    /// <summary>What a phase that runs modules is told.</summary>
    /// <param name="inputs">The phase's call.</param>
    /// <param name="target">The run image's target.</param>
    public static PhaseEnvironment Environment(PhaseInputs inputs, Target target) => new()
    {
        PlatformApi = inputs.Api.ToString(),
        ImageEnv = [.. System.Environment.GetEnvironmentVariables().Cast<DictionaryEntry>().Select(e => $"{e.Key}={e.Value}")],
        HomeFromPasswd = false,
        User = User(),
        Target = target,
        ExecEnv = inputs.Get(PhaseFlags.ExecEnv),
        PlatformTrace = PhaseRunner.PlatformTrace,
        AppDirectory = inputs.Get(PhaseFlags.App),
        LayersDirectory = inputs.Get(PhaseFlags.Layers),
        PlatformDirectory = inputs.Get(PhaseFlags.Platform),
        BuildpacksDirectory = inputs.Get(PhaseFlags.Buildpacks),
        ExtensionsDirectory = inputs.Get(PhaseFlags.Extensions),
        BuildConfigDirectory = inputs.Get(PhaseFlags.BuildConfig),
        GeneratedDirectory = inputs.Get(PhaseFlags.Generated),
    };

    /// <summary>analyzed.toml; when there is none the reference warns and goes on with nothing.</summary>
    public static AnalyzedFile ReadAnalyzed(PhaseInputs inputs, IPhaseLog log)
    {
        var path = inputs.Get(PhaseFlags.Analyzed);
        if (AnalyzedFile.ReadIfExists(Files, path) is { } analyzed)
            return analyzed;
        log.Warn($"No analyzed metadata found at path \"{path}\"");
        return new AnalyzedFile();
    }

    /// <summary>Writes a file that a later phase reads; directories above it are made. Root gives the file to an owner.</summary>
    public static void Write(string path, string text, Owner? owner = null)
    {
        Files.CreateDirectory(Path.GetDirectoryName(path) ?? "/", DirectoryMode);
        var bytes = System.Text.Encoding.UTF8.GetBytes(text);
        try
        {
            Files.WriteFile(path, bytes, FileMode, owner);
        }
        catch (IOException) when (Files.Stat(path, followLinks: false) is { IsFile: true })
        {
            // Somebody else's or a read-only file in a directory of ours: a phase before ran as another user.
            Files.Delete(path);
            Files.WriteFile(path, bytes, FileMode, owner);
        }
    }
}
