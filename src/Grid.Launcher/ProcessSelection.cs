namespace Grid.Launcher;

/// <summary>Decides which process a container start means (platform.md §launcher, "Launch").</summary>
internal sealed class ProcessSelection(LaunchMetadata metadata, ApiVersion platformApi, string execEnv)
{
    /// <summary>
    /// The process whose type is the name the launcher was started by, with the user's arguments; or the command the user gave.
    /// </summary>
    /// <param name="invokedAs">argv[0]: an image's entrypoint is a link <c>/cnb/process/&lt;type&gt;</c> to the launcher.</param>
    /// <param name="userArgs">What follows argv[0].</param>
    public LaunchProcess Select(string invokedAs, IReadOnlyList<string> userArgs)
    {
        var type = invokedAs[(invokedAs.LastIndexOf('/') + 1)..];
        return Find(type) is { } process ? WithUserArgs(process, userArgs) : FromUser(type, userArgs);
    }

    /// <summary>Process types are filtered by execution environment from platform API 0.15 on; of several that fit the first counts.</summary>
    private LaunchProcess? Find(string type)
    {
        foreach (var process in metadata.Processes)
        {
            if (process.Type == type && (!platformApi.AtLeast(0, 15) || process.Fits(execEnv)))
                return process;
        }
        return null;
    }

    private LaunchProcess WithUserArgs(LaunchProcess process, IReadOnlyList<string> userArgs)
    {
        var args = new List<string>();
        for (var i = 1; i < process.Command.Count; i++)
            args.Add(process.Command[i]);
        if (userArgs.Count == 0 || !UserArgsReplaceDefaults(process))
            args.AddRange(process.Args);
        args.AddRange(userArgs);
        return process with { Command = [process.Command[0]], Args = args };
    }

    /// <summary>
    /// Defaults are replaced for processes of buildpack API 0.9 and newer. A platform below 0.10 does not tell them from arguments that are
    /// always given, so there the user's are always appended.
    /// </summary>
    private bool UserArgsReplaceDefaults(LaunchProcess process) =>
        platformApi.AtLeast(0, 10) && process.BuildpackId is { } id && metadata.Buildpack(id) is { } buildpack && buildpack.Api.AtLeast(0, 9);

    private LaunchProcess FromUser(string invokedAs, IReadOnlyList<string> userArgs)
    {
        if (userArgs.Count == 0 || (userArgs.Count == 1 && userArgs[0] == "--"))
            throw new LaunchException(NothingToRun(invokedAs));
        var direct = userArgs[0] == "--";
        var first = direct ? 1 : 0;
        var args = new List<string>();
        for (var i = first + 1; i < userArgs.Count; i++)
            args.Add(userArgs[i]);
        return new LaunchProcess("", [userArgs[first]], args, direct);
    }

    private string NothingToRun(string invokedAs)
    {
        var types = new List<string>();
        foreach (var process in metadata.Processes)
        {
            if (!types.Contains(process.Type))
                types.Add(process.Type);
        }
        var known = types.Count == 0 ? "The image has no process types." : "Process types of the image: " + string.Join(", ", types) + ".";
        foreach (var type in types)
        {
            if (type == invokedAs)
                return $"process type '{type}' is not for execution environment '{execEnv}' (CNB_EXEC_ENV). {known}";
        }
        return $"there is no default process and no command: start the image with the entrypoint /cnb/process/<type> or give it a command. {known}";
    }
}
