using System.Text.Json;
using Grid.Buildpacks;
using Grid.Oci;

namespace Grid.Cli.Remote;

/// <summary>A grid that <c>grid login</c> has been given: where it is, whose key to use, and the tenant to work in.</summary>
internal sealed record ServerContext(Uri Server, string Token, string Tenant)
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { WriteIndented = true };

    /// <summary>More servers of the same grid, asked when the first does not answer.</summary>
    public IReadOnlyList<Uri> Others { get; init; } = [];

    /// <summary>Where contexts are kept: <c>$XDG_CONFIG_HOME/grid/context.json</c>, for its owner alone.</summary>
    public static string FilePath => Path.Combine(
        Environment.GetEnvironmentVariable("XDG_CONFIG_HOME") is { Length: > 0 } config ? config : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".config"),
        "grid", "context.json");

    /// <summary>
    /// The grid to use: <c>GRID_SERVER</c>, <c>GRID_TOKEN</c> and <c>GRID_TENANT</c>, each before what the login left, and a flag before both. Null when no
    /// server is named, or 'local': the command then works on this machine.
    /// </summary>
    public static ServerContext? Find(string? server, string? tenant)
    {
        var saved = Load();
        var address = server ?? Variable("GRID_SERVER") ?? (saved is null ? null : string.Join(',', saved.Others.Prepend(saved.Server)));
        if (address is null or "" or "local")
            return null;
        var (uri, others) = ParseServers(address);
        var same = saved is not null && saved.Server == uri;
        return new ServerContext(uri,
            Variable("GRID_TOKEN") ?? (same ? saved!.Token : null) ?? throw new LifecycleException(ExitCode.InvalidArgs, $"there is no key for {uri}: run 'grid login {uri}', or set GRID_TOKEN"),
            tenant ?? Variable("GRID_TENANT") ?? (same ? saved!.Tenant : null) ?? "default") { Others = others };
    }

    /// <summary>Keeps the context for later commands.</summary>
    public void Save()
    {
        Directory.CreateDirectory(Path.GetDirectoryName(FilePath)!);
        var temporary = FilePath + ".new";
        File.Delete(temporary);
        using (var file = new FileStream(temporary, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite }))
            JsonSerializer.Serialize(file, this, Json);
        File.Move(temporary, FilePath, overwrite: true);
    }

    /// <summary>Forgets the context; false when there was none.</summary>
    public static bool Forget()
    {
        var known = File.Exists(FilePath);
        File.Delete(FilePath);
        return known;
    }

    /// <summary>Addresses with commas between them, of servers of one grid.</summary>
    public static (Uri First, IReadOnlyList<Uri> Others) ParseServers(string text)
    {
        var servers = text.Split(',', StringSplitOptions.TrimEntries).Select(ParseServer).ToList();
        return (servers[0], servers[1..]);
    }

    private static Uri ParseServer(string text) =>
        Uri.TryCreate(text.TrimEnd('/') + "/", UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https"
            ? uri.Scheme == Uri.UriSchemeHttps || uri.IsLoopback ? uri : throw new LifecycleException(ExitCode.InvalidArgs, $"{text}: the key would travel in clear text; use https")
            : throw new LifecycleException(ExitCode.InvalidArgs, $"'{text}' is not the address of a grid; want https://HOST[:PORT]");

    private static ServerContext? Load()
    {
        if (!File.Exists(FilePath))
            return null;
        try
        {
            return JsonSerializer.Deserialize<ServerContext>(File.ReadAllText(FilePath), Json);
        }
        catch (JsonException e)
        {
            throw new LifecycleException(ExitCode.InvalidArgs, $"{FilePath} is damaged ({e.Message}); run 'grid login' again");
        }
    }

    private static string? Variable(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;
}
