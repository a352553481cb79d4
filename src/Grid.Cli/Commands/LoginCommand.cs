using System.CommandLine;
using Grid.Buildpacks;
using Grid.Cli.Remote;
using Grid.Client;

namespace Grid.Cli.Commands;

/// <summary><c>grid login</c> and <c>grid logout</c>: the grid that later commands use.</summary>
internal static class LoginCommand
{
    private static readonly Argument<string> Server = new("server") { Description = "Address of the grid: https://HOST[:PORT], or several of its servers with commas between them" };
    private static readonly Option<string?> TokenFile = new("--key-file") { Description = "File with the API key; '-' or nothing for standard input" };
    private static readonly Option<string> Tenant = new("--tenant") { Description = "Tenant to work in", DefaultValueFactory = _ => "default" };

    public static Command Create()
    {
        var command = new Command("login", "Use a running grid: its address and an API key are kept for later commands") { Server, TokenFile, Tenant };
        command.SetAction(RunAsync);
        return command;
    }

    public static Command CreateLogout()
    {
        var command = new Command("logout", "Forget the running grid: commands work on this machine again");
        command.SetAction(_ => Console.WriteLine(ServerContext.Forget() ? "logged out" : "there was no login"));
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        try
        {
            var token = (parsed.GetValue(TokenFile) is { } file and not "-" ? await File.ReadAllTextAsync(file, cancellationToken) : await Console.In.ReadToEndAsync(cancellationToken)).Trim();
            if (token.Length == 0)
                throw new LifecycleException(ExitCode.InvalidArgs, "there is no key: give it on standard input, or name its file with --key-file");
            var (server, others) = ServerContext.ParseServers(parsed.GetValue(Server)!);
            var context = new ServerContext(server, token, parsed.GetValue(Tenant)!) { Others = others };
            using var grid = new RemoteGrid(context, "grid login");
            // A key that does not work is not kept.
            await grid.Client.GetTenantAsync(context.Tenant, cancellationToken);
            context.Save();
            Console.WriteLine($"logged in to {context.Server} as tenant {context.Tenant}");
            return 0;
        }
        catch (Exception e) when (UserError.Describe(e) is { } error)
        {
            Console.Error.WriteLine($"grid login: {error.Message}");
            return error.ExitCode;
        }
    }
}
