using System.CommandLine;
using Grid.Buildpacks;

namespace Grid.Cli.Remote;

/// <summary>Flags of commands that can work on a grid elsewhere.</summary>
internal static class ServerFlags
{
    private static readonly Option<string?> Server = new("--server") { Description = "A running grid: https://HOST[:PORT] (several of its servers with commas between them), or 'local' for this machine (GRID_SERVER; default: the one of 'grid login', else this machine)" };
    private static readonly Option<string?> Tenant = new("--tenant") { Description = "Tenant of the running grid to work in (GRID_TENANT; default: the one of 'grid login')" };

    private static readonly Option<string?> Pool = new("--pool") { Description = "Pool of nodes of the running grid that does it (default: default)" };

    /// <summary>Adds them to a command that submits builds.</summary>
    public static void AddWithPoolTo(Command command)
    {
        AddTo(command);
        command.Add(Pool);
    }

    /// <summary>The pool that was named.</summary>
    public static string? ReadPool(ParseResult parsed) => parsed.GetValue(Pool);

    public static void AddTo(Command command)
    {
        command.Add(Server);
        command.Add(Tenant);
    }

    /// <summary>The grid elsewhere; null for this machine.</summary>
    /// <exception cref="LifecycleException">A pool was named, and there is none here.</exception>
    public static ServerContext? Read(ParseResult parsed)
    {
        var found = ServerContext.Find(parsed.GetValue(Server), parsed.GetValue(Tenant));
        return found is null && ReadPool(parsed) is { } pool ? throw new LifecycleException(ExitCode.InvalidArgs, $"--pool {pool}: this machine has no pools; name a running grid with --server") : found;
    }
}
