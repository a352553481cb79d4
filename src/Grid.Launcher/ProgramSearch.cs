namespace Grid.Launcher;

/// <summary>Finds the file of a command.</summary>
internal static class ProgramSearch
{
    /// <summary>
    /// A command with a slash is a path; any other is looked for in the absolute directories of PATH. Relative ones are passed over: what a
    /// name means must not depend on what the app directory holds.
    /// </summary>
    public static string Find(string command, string path)
    {
        if (command.Contains('/'))
            return Posix.IsExecutableFile(command) ? command : throw NotRunnable(command);
        foreach (var directory in path.Split(':'))
        {
            var file = directory + "/" + command;
            if (file[0] == '/' && directory.Length > 0 && Posix.IsExecutableFile(file))
                return file;
        }
        throw new LaunchException($"command '{command}' is not in PATH ({path})");
    }

    private static LaunchException NotRunnable(string command)
    {
        var from = command[0] == '/' ? "" : " (from " + Posix.CurrentDirectory() + ")";
        return new LaunchException(Posix.Exists(command)
            ? $"command {command}{from} is not an executable file"
            : $"command {command}{from} does not exist");
    }
}
