using System.Diagnostics;
using Grid.Contracts;
using OpenTelemetry;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Grid.Hosting.Telemetry;

/// <summary>
/// The span of a command that has no silo in its process, and what it calls by HTTP below it. While it lives, requests carry its W3C context. It is sent when the standard
/// variables name a receiver of traces; without one it is nothing.
/// </summary>
public sealed class CommandTrace : IDisposable
{
    private static readonly string[] Sources = [GridTelemetry.SourceName, "Grid.Lifecycle", "System.Net.Http"];

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly IDisposable? _sending;
    private readonly Activity? _span;

    private CommandTrace(IDisposable? sending, Activity? span) => (_sending, _span) = (sending, span);

    /// <summary>Starts the span, which becomes the current one.</summary>
    /// <param name="name">What is done: <c>grid build</c>.</param>
    /// <param name="kind">Whether somebody else does it.</param>
    /// <param name="parent">W3C traceparent of what this is a part of; null when it is the whole.</param>
    public static CommandTrace Start(string name, ActivityKind kind, string? parent = null)
    {
        var variables = OtelVariables.Read(new TelemetryOptions());
        if (!variables.Exported.HasFlag(Signals.Traces))
            return new CommandTrace(null, null);
        var sending = new Sending(variables.ServiceName);
        return new CommandTrace(sending, GridTelemetry.Start(name, parent, kind));
    }

    /// <summary>How it ended.</summary>
    public void End(int exitCode)
    {
        _span?.SetTag("grid.exit_code", exitCode);
        if (exitCode != 0)
            _span.Fail($"exit code {exitCode}");
    }

    /// <summary>Ends the span and sends what is not sent yet, for at most some seconds.</summary>
    public void Dispose()
    {
        _span?.Dispose();
        _sending?.Dispose();
    }

    /// <summary>The SDK: not loaded without a receiver.</summary>
    private sealed class Sending(string service) : IDisposable
    {
        private readonly TracerProvider _provider = Sdk.CreateTracerProviderBuilder()
            .ConfigureResource(resource => resource
                .AddService(service, serviceVersion: typeof(CommandTrace).Assembly.GetName().Version?.ToString(3), serviceInstanceId: Environment.MachineName)
                .AddEnvironmentVariableDetector())
            .SetSampler(new BuildTraces())
            .AddSource(Sources)
            .AddOtlpExporter()
            .Build();

        public void Dispose()
        {
            _provider.ForceFlush((int)Patience.TotalMilliseconds);
            _provider.Dispose();
        }
    }
}
