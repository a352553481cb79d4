using System.Text;

namespace Grid.Launcher;

/// <summary>
/// The bash script for processes that are not direct: those of buildpacks with API 0.8 and older, and commands a user gives without "--".
/// </summary>
internal static class ShellScript
{
    public const string Shell = "/bin/bash";

    /// <summary>
    /// argv of the shell: the profile scripts are sourced in the app's directory, then a second bash runs the command. Without arguments
    /// the command is a script; otherwise command and arguments are one word each in which variables are expanded.
    /// </summary>
    /// <param name="self">What the profile scripts see as <c>$0</c>.</param>
    public static List<string> Arguments(string self, LaunchProcess process, IEnumerable<string> profiles, string workingDirectory)
    {
        var script = new StringBuilder();
        foreach (var profile in profiles)
            script.Append("source ").Append(Quoted(profile)).Append('\n');
        script.Append("cd ").Append(Quoted(workingDirectory)).Append(" || exit 82\n");
        script.Append(process.Args.Count == 0 ? "exec bash -c \"$@\"" : WithWords(process.Args.Count));
        var arguments = new List<string> { "bash", "-c", script.ToString(), self, process.Command[0] };
        arguments.AddRange(process.Args);
        return arguments;
    }

    /// <summary>
    /// The inner bash gets the command as <c>$0</c> and the arguments behind it. <c>eval echo</c> in double quotes expands variables and
    /// substitutions in each, and whatever comes out stays one word.
    /// </summary>
    private static string WithWords(int arguments)
    {
        var words = new StringBuilder("\"$(eval echo \\\"$0\\\")\"");
        for (var i = 1; i <= arguments; i++)
            words.Append(" \"$(eval echo \\\"${").Append(i).Append("}\\\")\"");
        return $"exec bash -c '{words}' \"${{@:1}}\"";
    }

    private static string Quoted(string text) => "'" + text.Replace("'", "'\\''") + "'";
}
