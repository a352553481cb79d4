namespace Grid.Benchmarks.Workspace;

/// <summary>Dockerfiles to apply, at most one for each kind of image (<c>build</c>, <c>run</c>), and what they copy.</summary>
/// <param name="Name">Name of the directory that holds it, and what the app asks the extension for.</param>
/// <param name="Directory">Holds <c>build.Dockerfile</c>, <c>run.Dockerfile</c> and <c>context/</c>.</param>
/// <param name="Commands">The commands of the RUN instructions, by kind.</param>
internal sealed record Workload(string Name, string Directory, IReadOnlyDictionary<string, IReadOnlyList<string>> Commands)
{
    public const int UserId = 1001;

    /// <summary>Stands in a command for what an edit changes.</summary>
    public const string Edit = "@EDIT@";

    private const int FilesInDirectory = 100;

    /// <summary>Files in the context; all of it is copied to <see cref="Target"/> after the commands. 0 for nothing.</summary>
    public int Files { get; init; }

    /// <summary>Bytes of each of these files.</summary>
    public int FileSize { get; init; }

    /// <summary>Where the context goes.</summary>
    public static string Target => "/opt/context";

    public IEnumerable<string> Kinds => Commands.Keys;

    public string Context => Path.Combine(Directory, "context");

    /// <summary>RUN and COPY instructions: what runs when nothing is cached.</summary>
    public int Steps => Commands.Values.Sum(commands => commands.Count + (Files > 0 ? 1 : 0));

    /// <summary>The Dockerfile of one kind after an edit, in a file of its own.</summary>
    public string Dockerfile(string kind, string edit)
    {
        var path = Path.Combine(System.IO.Directory.CreateDirectory(Directory + "-edited").FullName, kind + ".Dockerfile");
        File.WriteAllText(path, Text(Edited(kind, edit)));
        return path;
    }

    /// <summary>The commands of one kind after an edit.</summary>
    public IEnumerable<string> Edited(string kind, string edit) => Commands[kind].Select(command => command.Replace(Edit, edit, StringComparison.Ordinal));

    /// <summary>Writes the context, and the Dockerfiles before any edit.</summary>
    public void Write()
    {
        System.IO.Directory.CreateDirectory(Context);
        var random = new Random(1);
        for (var file = 0; file < Files; file++)
        {
            var directory = System.IO.Directory.CreateDirectory(Path.Combine(Context, $"d{file / FilesInDirectory}"));
            File.WriteAllBytes(Path.Combine(directory.FullName, $"f{file}"), SyntheticContent.Make(random, FileSize, isCompressed: file % 2 == 0));
        }
        foreach (var (kind, commands) in Commands)
            File.WriteAllText(Path.Combine(Directory, kind + ".Dockerfile"), Text(commands));
    }

    private string Text(IEnumerable<string> commands) =>
        "ARG base_image\nFROM ${base_image}\nUSER root\n"
        + string.Concat(commands.Select(c => $"RUN {c}\n"))
        + (Files > 0 ? $"COPY . {Target}/\n" : "")
        + "ARG user_id\nARG group_id\nUSER ${user_id}:${group_id}\n";
}
