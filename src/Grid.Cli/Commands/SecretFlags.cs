using System.CommandLine;
using System.Text;
using Grid.Buildpacks;

namespace Grid.Cli.Commands;

/// <summary>Reads <c>--secret id=NAME,src=FILE</c> and <c>--secret id=NAME,env=VARIABLE</c>; a name alone is the variable of that name, as docker has it.</summary>
internal static class SecretFlags
{
    private const long MaxBytes = 512 * 1024;

    /// <summary>The flag, one for each command that has it.</summary>
    public static Option<string[]> Create() => new("--secret")
    {
        Description = "Secret for RUN --mount=type=secret: id=NAME,src=FILE or id=NAME,env=VARIABLE",
    };

    public static Dictionary<string, byte[]> Read(IReadOnlyList<string> flags)
    {
        var secrets = new Dictionary<string, byte[]>(StringComparer.Ordinal);
        foreach (var flag in flags)
        {
            var fields = flag.Split(',').Select(field => field.Split('=', 2)).Where(field => field.Length == 2).ToLookup(field => field[0].Trim(), field => field[1]);
            if (fields["id"].LastOrDefault() is not { Length: > 0 } id || fields.Any(field => field.Key is not ("id" or "src" or "source" or "env" or "type")))
                throw new LifecycleException(ExitCode.InvalidArgs, "--secret wants id=NAME,src=FILE or id=NAME,env=VARIABLE");
            var file = fields["src"].Concat(fields["source"]).LastOrDefault();
            secrets[id] = file is not null ? FromFile(id, file) : FromVariable(id, fields["env"].LastOrDefault() ?? id);
        }
        return secrets;
    }

    private static byte[] FromFile(string id, string path)
    {
        if (!File.Exists(path))
            throw new LifecycleException(ExitCode.InvalidArgs, $"--secret id={id}: there is no file {path}");
        return new FileInfo(path).Length <= MaxBytes ? File.ReadAllBytes(path)
            : throw new LifecycleException(ExitCode.InvalidArgs, $"--secret id={id}: {path} is larger than {MaxBytes / 1024} KiB");
    }

    private static byte[] FromVariable(string id, string name) => Environment.GetEnvironmentVariable(name) is { } value ? Encoding.UTF8.GetBytes(value)
        : throw new LifecycleException(ExitCode.InvalidArgs, $"--secret id={id}: there is no variable {name}; name a file with src=FILE");
}
