namespace Grid.Benchmarks.Workspace;

/// <summary>Dockerfiles to apply, at most one for each kind of image (<c>build</c>, <c>run</c>).</summary>
/// <param name="Name">Name of the directory that holds it, and what the app asks the extension for.</param>
/// <param name="Directory">Holds <c>build.Dockerfile</c>, <c>run.Dockerfile</c> and <c>context/</c>.</param>
/// <param name="Commands">The commands of the RUN instructions, by kind.</param>
/// <param name="Payload">Bytes of the file that is copied; 0 for none.</param>
internal sealed record Workload(string Name, string Directory, IReadOnlyDictionary<string, IReadOnlyList<string>> Commands, int Payload)
{
    public const int UserId = 1001;
    public const string PayloadName = "payload.bin";

    public IEnumerable<string> Kinds => Commands.Keys;

    public string Context => Path.Combine(Directory, "context");

    public string Dockerfile(string kind) => Path.Combine(Directory, kind + ".Dockerfile");

    public void Write()
    {
        System.IO.Directory.CreateDirectory(Context);
        var bytes = new byte[Math.Max(Payload, 1)];
        new Random(1).NextBytes(bytes);
        File.WriteAllBytes(Path.Combine(Context, PayloadName), bytes);
        foreach (var (kind, commands) in Commands)
            File.WriteAllText(Dockerfile(kind), Text(commands));
    }

    private string Text(IReadOnlyList<string> commands) =>
        "ARG base_image\nFROM ${base_image}\nUSER root\n"
        + string.Concat(commands.Select(c => $"RUN {c}\n"))
        + (Payload > 0 ? $"COPY {PayloadName} /opt/{PayloadName}\n" : "")
        + "ARG user_id\nARG group_id\nUSER ${user_id}:${group_id}\n";
}
