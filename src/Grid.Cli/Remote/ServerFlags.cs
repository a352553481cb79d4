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

    /// <summary>Adds the flag to a command that works on this machine unless a server is named on its line, and that no tenant has to do with.</summary>
    public static void AddServerTo(Command command) => command.Add(Server);

    /// <summary>The grid that the command's own line names; null for this machine.</summary>
    public static ServerContext? ReadNamed(ParseResult parsed) => parsed.GetValue(Server) is { Length: > 0 } named ? ServerContext.Find(named, null) : null;

    /// <summary>The grid elsewhere; null for this machine.</summary>
    public static ServerContext? Read(ParseResult parsed) => ServerContext.Find(parsed.GetValue(Server), parsed.GetValue(Tenant));
}
