using Grid.Oci.FileSystem;

namespace Grid.Sandbox.OciRuntime.InPlace;

/// <summary>Finds a program as execvp(3) does.</summary>
internal static class ProgramSearch
{
    private const string DefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    /// <summary>The path of a program: as it is when it has a slash, otherwise the first of its name in the PATH of the environment it will get.</summary>
    public static string Find(string name, IReadOnlyList<string> environment, string workingDirectory)
    {
        if (name.Contains('/'))
            return name.StartsWith('/') ? name : $"{workingDirectory}/{name}";
        var files = new RootedDirectory("/");
        var path = environment.LastOrDefault(e => e.StartsWith("PATH=", StringComparison.Ordinal))?[5..] ?? DefaultPath;
        foreach (var directory in path.Split(':').Where(d => d.StartsWith('/')))
        {
            if (files.Stat($"{directory}/{name}") is { IsExecutable: true })
                return $"{directory}/{name}";
        }
        return name;
    }
}
