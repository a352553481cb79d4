using System.CommandLine;

namespace Grid.Cli.Remote;

/// <summary>Flags of commands that can work on a grid elsewhere.</summary>
internal static class ServerFlags
{
    private static readonly Option<string?> Server = new("--server") { Description = "A running grid: https://HOST[:PORT] (several of its servers with commas between them), or 'local' for this machine (GRID_SERVER; default: the one of 'grid login', else this machine)" };
    private static readonly Option<string?> Tenant = new("--tenant") { Description = "Tenant of the running grid to work in (GRID_TENANT; default: the one of 'grid login')" };

    public static void AddTo(Command command)
    {
        command.Add(Server);
        command.Add(Tenant);
    }

    /// <summary>The grid elsewhere; null for this machine.</summary>
    public static ServerContext? Read(ParseResult parsed) => ServerContext.Find(parsed.GetValue(Server), parsed.GetValue(Tenant));
}
