using System.Net;
using Grid.Api.Identity;
using Grid.Contracts.Tenants;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Grid.Hosting.Telemetry;

/// <summary>
/// <c>/metrics</c> in Prometheus' format. On the node's HTTP endpoint it is for operators, with a key; on a listener of its own, which has nothing else, it asks
/// for none: keep that one where only Prometheus is.
/// </summary>
internal static class MetricsPage
{
    public const string Path = "/metrics";
    private static readonly object Mark = new();

    /// <summary>Listens where metrics alone are answered.</summary>
    public static void ListenForMetrics(this KestrelServerOptions kestrel, IPEndPoint endpoint) => kestrel.Listen(endpoint, listen => listen.Use(next => connection =>
    {
        connection.Items[Mark] = true;
        return next(connection);
    }));

    /// <summary>Answers what came to that listener; to be called before anything else is added.</summary>
    public static void UseMetricsListener(this WebApplication app)
    {
        app.UseOpenTelemetryPrometheusScrapingEndpoint(context => IsForMetrics(context) && context.Request.Path == Path);
        app.Use(next => context =>
        {
            if (!IsForMetrics(context))
                return next(context);
            context.Response.StatusCode = StatusCodes.Status404NotFound;
            return Task.CompletedTask;
        });
    }

    /// <summary>Adds the page beside the API, where rights are checked.</summary>
    public static void MapMetrics(this WebApplication app) => app.MapPrometheusScrapingEndpoint(Path).Require(Role.Operator);

    private static bool IsForMetrics(HttpContext context) => context.Features.Get<IConnectionItemsFeature>()?.Items.ContainsKey(Mark) == true;
}
