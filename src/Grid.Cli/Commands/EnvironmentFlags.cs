using Grid.Buildpacks;

namespace Grid.Cli.Commands;

/// <summary>Reads <c>--env NAME=VALUE</c> and <c>--env NAME</c>.</summary>
internal static class EnvironmentFlags
{
    public static Dictionary<string, string> Read(IReadOnlyList<string> flags)
    {
        var environment = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var flag in flags)
        {
            var equals = flag.IndexOf('=');
            var name = equals < 0 ? flag : flag[..equals];
            // A name becomes a file name in <platform>/env.
            if (name.Length == 0 || name.Contains('/') || name is "." or "..")
                throw new LifecycleException(ExitCode.InvalidArgs, $"--env '{flag}': want NAME=VALUE, or NAME to take it from this environment");
            environment[name] = equals >= 0 ? flag[(equals + 1)..]
                : Environment.GetEnvironmentVariable(name) ?? throw new LifecycleException(ExitCode.InvalidArgs, $"--env {name}: no such variable in this environment; write {name}=VALUE");
        }
        return environment;
    }
}
