using Grid.Buildpacks;
using Grid.Dockerfiles.Planning;

namespace Grid.Cli.Commands;

/// <summary>Reads <c>--build-arg NAME=VALUE</c> and <c>--build-arg NAME</c>.</summary>
internal static class BuildArgFlags
{
    private static readonly Dictionary<string, string> Given = new(StringComparer.Ordinal)
    {
        ["build_id"] = "--build-id", ["user_id"] = "--uid", ["group_id"] = "--gid", ["base_image"] = "--base",
    };

    public static List<BuildArg> Read(IReadOnlyList<string> flags)
    {
        var args = new List<BuildArg>();
        foreach (var flag in flags)
        {
            var equals = flag.IndexOf('=');
            var name = equals < 0 ? flag : flag[..equals];
            if (name.Length == 0)
                throw new LifecycleException(ExitCode.InvalidArgs, $"--build-arg '{flag}': want NAME=VALUE, or NAME to take it from this environment");
            if (Given.TryGetValue(name, out var other))
                throw new LifecycleException(ExitCode.InvalidArgs, $"--build-arg {name}: the platform gives this argument; use {other}");
            // As docker: a name alone that the environment lacks leaves the ARG's default.
            if (equals >= 0)
                args.Add(new BuildArg(name, flag[(equals + 1)..]));
            else if (Environment.GetEnvironmentVariable(name) is { } value)
                args.Add(new BuildArg(name, value));
        }
        return args;
    }
}
