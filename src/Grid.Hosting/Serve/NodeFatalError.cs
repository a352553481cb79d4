using System.Diagnostics;
using Grid.Hosting.Configuration;

namespace Grid.Hosting.Serve;

/// <summary>
/// What a node does that cannot go on, above all one that the others have given up: it says so on one line and is gone at once, as if it had lost its power.
/// What it worked for is in other hands, so there is nothing to hand over; whatever it still did could only disturb them. Its service manager starts it
/// again, and the start removes what was left.
/// </summary>
internal sealed class NodeFatalError(NodeOptions options) : IFatalErrorHandler
{
    public bool IsUnexpected(Exception exception) => exception is not ThreadInterruptedException;

    public void OnFatalException(object? sender = null, string? context = null, Exception? exception = null)
    {
        // Not by a logger: those write when they find the time.
        Console.Error.WriteLine(Describe(options.Name, context, exception));
        Console.Error.Flush();
        using var self = Process.GetCurrentProcess();
        self.Kill();
    }

    /// <summary>Membership's own words hold the whole table; what matters of them is that the node is out.</summary>
    internal static string Describe(string node, string? context, Exception? exception) =>
        context?.Contains("I have been told I am dead", StringComparison.Ordinal) == true
            ? $"grid serve: node {node} was given up by the cluster, because it did not answer for longer than it may (cluster.probe-timeout, cluster.missed-probes); its work goes on elsewhere. "
                + "It ends now and has to be started again"
            : $"grid serve: node {node} cannot go on and ends: {context}{(exception is null ? "" : $": {exception}")}";
}
