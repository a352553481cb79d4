using Grid.Launcher.Toml;

namespace Grid.Launcher;

/// <summary>Programs in <c>exec.d</c>, which add to the environment at each start (buildpack.md §exec.d).</summary>
internal static class ExecD
{
    /// <summary>Runs one in the app's directory; what it writes to descriptor 3 is TOML with strings that become variables.</summary>
    public static void Run(string program, LaunchEnvironment environment)
    {
        var output = Posix.Capture(program, environment.ToList(), out var exit);
        if (exit.Signal != 0)
            throw new LaunchException($"exec.d program {program} was ended by signal {exit.Signal.ToString()}");
        if (exit.Code != 0)
            throw new LaunchException($"exec.d program {program} failed with exit code {exit.Code.ToString()}");
        var table = TomlDocument.Parse(output, $"output of exec.d program {program}");
        foreach (var (name, value) in table.Values)
        {
            if (name.Length == 0 || name.Contains('=') || name.Contains('\0'))
                throw table.Error($"'{name}' cannot be the name of a variable");
            environment.Set(name, value as string ?? throw table.Error($"'{name}' must be a string"));
        }
    }
}
