namespace Grid.Launcher;

/// <summary>What the image says about where things are.</summary>
internal sealed record LaunchOptions(ApiVersion PlatformApi, string LayersDirectory, string AppDirectory, string ExecEnv);

/// <summary>What to become: the last thing the launcher does.</summary>
internal sealed record LaunchCommand(string Program, IReadOnlyList<string> Arguments, IReadOnlyList<string> Environment);

/// <summary>Prepares the environment and the command of an app's process (platform.md §launcher).</summary>
internal sealed class AppLauncher(LaunchOptions options, LaunchMetadata metadata)
{
    private readonly LayerDirectories _layers = new(options.LayersDirectory, metadata);

    /// <summary>Does everything but the last step. Changes the working directory, and the umask when UMASK asks for it.</summary>
    public LaunchCommand Prepare(string self, IReadOnlyList<string> userArgs, LaunchEnvironment environment)
    {
        var process = new ProcessSelection(metadata, options.PlatformApi, options.ExecEnv).Select(self, userArgs);
        Posix.ChangeDirectory(options.AppDirectory);
        AddLayers(environment, process.Type);
        foreach (var program in _layers.Files("exec.d", process.Type))
            ExecD.Run(program, environment);
        ApplyUmask(environment);
        return process.Direct ? Direct(process, environment) : InShell(self, process, environment);
    }

    /// <summary>All directories of a buildpack's layers come before all files of its layers.</summary>
    private void AddLayers(LaunchEnvironment environment, string processType)
    {
        foreach (var layers in _layers.ByBuildpack())
        {
            foreach (var layer in layers)
                environment.AddLayerRoot(layer);
            foreach (var layer in layers)
            {
                environment.AddFiles(layer + "/env");
                environment.AddFiles(layer + "/env.launch");
                if (processType.Length > 0)
                    environment.AddFiles(layer + "/env.launch/" + processType);
            }
        }
    }

    private LaunchCommand Direct(LaunchProcess process, LaunchEnvironment environment)
    {
        Posix.ChangeDirectory(WorkingDirectory(process));
        var program = ProgramSearch.Find(process.Command[0], environment.Get("PATH"));
        return new LaunchCommand(program, [.. process.Command, .. process.Args], environment.ToList());
    }

    private LaunchCommand InShell(string self, LaunchProcess process, LaunchEnvironment environment)
    {
        if (!Posix.IsExecutableFile(ShellScript.Shell))
        {
            throw new LaunchException($"the image has no {ShellScript.Shell}, which the process needs: "
                + "start a command with -- before it to run it without a shell");
        }
        var profiles = new List<string>(_layers.Files("profile.d", process.Type));
        var own = options.AppDirectory + "/.profile";
        if (Posix.Exists(own) && !Posix.IsDirectory(own))
            profiles.Add(own);
        var arguments = ShellScript.Arguments(self, process, profiles, WorkingDirectory(process));
        return new LaunchCommand(ShellScript.Shell, arguments, environment.ToList());
    }

    private string WorkingDirectory(LaunchProcess process) => process.WorkingDirectory ?? options.AppDirectory;

    private static void ApplyUmask(LaunchEnvironment environment)
    {
        var text = environment.Get("UMASK");
        if (text.Length == 0)
            return;
        uint mask = 0;
        foreach (var c in text)
        {
            if (c is < '0' or > '7' || text.Length > 8)
                throw new LaunchException($"UMASK '{text}' is not an octal number");
            mask = mask * 8 + (uint)(c - '0');
        }
        Posix.SetUmask(mask & 0x1ff);
    }
}
