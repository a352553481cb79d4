using System.CommandLine;
using System.Runtime.InteropServices;
using System.Text;
using Grid.Buildpacks;
using Grid.Hosting;
using Grid.Sandbox.OciRuntime.InPlace;

namespace Grid.Cli.Lifecycle;

/// <summary>
/// <c>grid lifecycle PHASE …</c>, and Grid called by a link with a phase's name, as <c>/cnb/lifecycle/detector</c> is. It is decided before the
/// command line of <c>grid</c> is read: the flags are Go's, and nothing of a grid is loaded.
/// </summary>
internal static class LifecycleEntry
{
    private static readonly IReadOnlyList<IPhaseCommand> Phases = 
    [
        new AnalyzerCommand(), new DetectorCommand(), new RestorerCommand(), new ExtenderCommand(), new BuilderPhaseCommand(), new ExporterCommand(),
        new CreatorCommand(), new RebaserCommand(),
    ];

    private const string Launcher = "launcher";

    /// <summary>The phase this process was called for with its arguments; null when it was called for something else.</summary>
    public static Func<Task<int>>? Find(string[] arguments) => Find(ProgramName(), arguments);

    internal static Func<Task<int>>? Find(string programName, string[] arguments)
    {
        if (programName == "lifecycle" || programName == Launcher || Named(programName) is not null)
            return () => RunAsync(programName == "lifecycle" ? arguments : [programName, .. arguments]);
        return arguments is ["lifecycle", .. var rest] ? () => RunAsync(rest) : null;
    }

    /// <summary>The command, for the help text of <c>grid</c>.</summary>
    public static Command Describe()
    {
        var command = new Command("lifecycle", "Run a phase in place, as the programs in /cnb/lifecycle do: its flags are the specification's");
        foreach (var phase in Phases)
            command.Add(new Command(phase.Name, $"See 'grid lifecycle {phase.Name} -help'"));
        command.Add(new Command(Launcher, "Start a process of the app, as the launcher of an app image does"));
        return command;
    }

    private static IPhaseCommand? Named(string name) => Phases.FirstOrDefault(p => p.Name == name);

    private static async Task<int> RunAsync(string[] arguments)
    {
        if (arguments is ["-version" or "--version"])
        {
            Console.WriteLine(PhaseVersion.Text);
            return (int)ExitCode.Success;
        }
        if (arguments is [Launcher, ..])
            return Launch(arguments);
        // The reference's own program has the phases as verbs.
        var phase = arguments.Length == 0 ? null : Named(Path.GetFileName(arguments[0])) ?? Phases.FirstOrDefault(p => p.Verb == Path.GetFileName(arguments[0]));
        if (phase is null)
        {
            Console.Error.WriteLine($"grid lifecycle: {(arguments.Length == 0 ? "name a phase" : $"there is no phase '{arguments[0]}'")}: {string.Join(", ", Phases.Select(p => p.Name).Append(Launcher))}");
            return (int)ExitCode.InvalidArgs;
        }
        using var interruption = new CancellationTokenSource();
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        return await PhaseRunner.RunAsync(phase, arguments[1..], interruption.Token);

        void Stop(PosixSignalContext context)
        {
            // A second signal ends the process at once.
            context.Cancel = !interruption.IsCancellationRequested;
            interruption.Cancel();
        }
    }

    /// <summary>Becomes the launcher that goes into app images.</summary>
    private static int Launch(string[] arguments)
    {
        try
        {
            ProgramReplacement.Execute(new GridOptions().Launcher, arguments);
        }
        catch (IOException failure)
        {
            Console.Error.WriteLine($"ERROR: failed to launch: {failure.Message}; name the file with GRID_LAUNCHER");
        }
        return (int)ExitCode.LaunchError;
    }

    /// <summary>The last part of argv[0] without an extension, as the kernel has it: .NET puts the assembly's path there.</summary>
    private static string ProgramName()
    {
        try
        {
            var line = File.ReadAllBytes("/proc/self/cmdline");
            var end = Array.IndexOf(line, (byte)0);
            return Path.GetFileNameWithoutExtension(Encoding.UTF8.GetString(line, 0, Math.Max(0, end)));
        }
        catch (Exception notMounted) when (notMounted is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }
}
