using Grid.Buildpacks;
using Grid.Hosting.Serve;

namespace Grid.Cli.Commands;

/// <summary>Why a node could not start or had to end, for who runs it.</summary>
internal static class ServeError
{
    public static (string Message, int ExitCode)? Describe(Exception exception) => exception switch
    {
        NodeStartException => (exception.Message, (int)ExitCode.Failed),
        _ => UserError.Describe(exception),
    };
}
