using Grid.Api.Identity;
using Grid.Contracts.Tenants;
using Grid.Hosting.Configuration;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Orleans.Dashboard;

namespace Grid.Hosting.Serve;

/// <summary>Orleans' own dashboard, for operators: silos, activations, calls. Its pages are the framework's and follow its rules, not those of ours.</summary>
internal static class OrleansDashboard
{
    internal const string Path = "/orleans";

    /// <summary>Milliseconds between samples. Calls are measured only while somebody looks.</summary>
    private const int Interval = 5000;

    /// <summary>What every silo of the cluster needs for it.</summary>
    public static ISiloBuilder AddOrleansDashboard(this ISiloBuilder silo, NodeOptions options) => !options.HasOrleansDashboard ? silo : silo.AddDashboard(dashboard =>
    {
        dashboard.CounterUpdateIntervalMs = Interval;
        // Logs have names of tenants' apps, and go where the node's logs go.
        dashboard.HideTrace = true;
    });

    /// <summary>Its pages.</summary>
    public static void MapOrleansDashboard(this WebApplication app, NodeOptions options)
    {
        if (!options.HasOrleansDashboard)
            return;
        Orleans.Dashboard.ServiceCollectionExtensions.MapOrleansDashboard(app, Path).Require(Role.Operator).ExcludeFromDescription().AddEndpointFilter((context, next) =>
        {
            // It would show the state of any grain: hashes of keys, sealed secrets. Nothing shows those.
            if (context.HttpContext.Request.Path.StartsWithSegments(Path + "/GrainState", StringComparison.OrdinalIgnoreCase))
                return ValueTask.FromResult<object?>(Results.NotFound());
            var headers = context.HttpContext.Response.Headers;
            // Scripts from here alone; its styles are partly inline, which ours are not.
            headers.ContentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self'; img-src 'self' data:; font-src 'self' data:; form-action 'none'; frame-ancestors 'none'; base-uri 'none'";
            headers.XContentTypeOptions = "nosniff";
            headers["Referrer-Policy"] = "same-origin";
            return next(context);
        });
    }
}
