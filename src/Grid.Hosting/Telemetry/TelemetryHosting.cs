using Grid.Contracts;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using OpenTelemetry;
using OpenTelemetry.Logs;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Grid.Hosting.Telemetry;

/// <summary>Collects and sends traces, metrics and logs (docs/telemetry.md). The only place that knows OpenTelemetry's SDK.</summary>
internal static class TelemetryHosting
{
    /// <summary>Activity sources that make a build's trace: ours, the lifecycle's, calls of grains, and requests of the API.</summary>
    private static readonly string[] Sources = [GridTelemetry.SourceName, "Grid.Lifecycle", "Microsoft.Orleans.Application"];

    /// <summary>
    /// Meters that are exported: ours, Orleans', the .NET runtime's and the HTTP server's. Not the one of System.Net.Http: it names the registries that tenants
    /// wrote, and <c>grid.registry.request.duration</c> measures what it would.
    /// </summary>
    private static readonly string[] Meters = [GridTelemetry.SourceName, "Grid.Oci", "Grid.Lifecycle", "Microsoft.Orleans", "System.Runtime", "Microsoft.AspNetCore.Hosting", "Microsoft.AspNetCore.Server.Kestrel"];

    /// <summary>Sends by OTLP what the settings or the standard variables name a receiver for; with <paramref name="hasPage"/>, metrics are kept for <see cref="MetricsPage"/> too.</summary>
    public static void AddGridTelemetry(this IHostApplicationBuilder builder, TelemetryOptions options, bool hasPage)
    {
        var variables = OtelVariables.Read(options);
        var exported = variables.Exported;
        if (exported == Signals.None && (!hasPage || variables.IsDisabled))
            return;
        // The SDK reads its variables from the host's configuration, which has nothing else of the environment.
        builder.Configuration.AddInMemoryCollection(variables.All);
        var telemetry = builder.Services.AddOpenTelemetry().ConfigureResource(resource => resource
            .AddService(variables.ServiceName, serviceVersion: typeof(TelemetryHosting).Assembly.GetName().Version?.ToString(3), serviceInstanceId: options.Instance)
            .AddEnvironmentVariableDetector());
        if (exported.HasFlag(Signals.Traces))
            telemetry.WithTracing(tracing => tracing.SetSampler(new BuildTraces()).AddSource(Sources).AddAspNetCoreInstrumentation().AddOtlpExporter());
        if (exported.HasFlag(Signals.Metrics) || hasPage)
            telemetry.WithMetrics(metrics => metrics.AddGridMeters(exported.HasFlag(Signals.Metrics), hasPage));
        if (exported.HasFlag(Signals.Logs))
        {
            telemetry.WithLogging(logging => logging.AddOtlpExporter(), logs => logs.IncludeFormattedMessage = true);
            // On the console only what somebody has to look at; here also what happened to which build.
            builder.Services.AddLogging(logging => logging.AddFilter<OpenTelemetryLoggerProvider>("Grid", LogLevel.Information));
        }
    }

    private static void AddGridMeters(this MeterProviderBuilder metrics, bool exported, bool hasPage)
    {
        // A measurement of a traced build names its span, so that a slow one can be looked at.
        metrics.AddMeter(Meters).SetExemplarFilter(ExemplarFilterType.TraceBased);
        if (exported)
            metrics.AddOtlpExporter();
        if (hasPage)
            metrics.AddPrometheusExporter();
    }
}
