using System.Globalization;
using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using Grid.Api.Builds;
using Grid.Api.Identity;
using Grid.Api.Problems;
using Grid.Contracts.Events;
using Grid.Contracts.Tenants;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;

namespace Grid.Api.Routes;

/// <summary>What happens in a build, as it happens, and its output as text.</summary>
internal static class EventRoutes
{
    private const string LastEventId = "Last-Event-ID";

    public static void MapEvents(this IEndpointRouteBuilder routes)
    {
        routes.MapGet("/tenants/{tenant}/builds/news", NewsAsync).Require(Role.Viewer).WithTags("Builds").WithName("WatchBuilds")
            .WithSummary("A server-sent event as soon as there is a build newer than 'known'; the answer ends with it");
        var build = routes.MapGroup("/tenants/{tenant}/builds/{build}").WithTags("Builds");
        build.MapGet("events", EventsAsync).Require(Role.Viewer).WithName("WatchBuild")
            .WithSummary($"The build's events as server-sent events from the first (or after {LastEventId}) to its end; each event's id is its number");
        build.MapGet("log", LogAsync).Require(Role.Viewer).WithName("GetLog").Produces<string>(contentType: "text/plain")
            .WithSummary("The build's output as text, as it is written, to the build's end");
    }

    private static async Task<ServerSentEventsResult<BuildEvent>> EventsAsync(
        string tenant, string build, BuildDesk desk, IBuildEvents events, CancellationToken cancellationToken, [FromHeader(Name = LastEventId)] string? last = null, long? after = null)
    {
        await desk.FindAsync(tenant, build);
        var from = after ?? 0;
        if (last is not null && !long.TryParse(last, NumberStyles.None, CultureInfo.InvariantCulture, out from))
            throw new ApiException(ProblemCode.InvalidRequest, $"{LastEventId}: the number of an event, not '{last}'");
        return TypedResults.ServerSentEvents(ItemsAsync(events.WatchAsync(BuildDesk.KeyOf(tenant, build), cancellationToken), from, cancellationToken));
    }

    private static async Task<ServerSentEventsResult<string>> NewsAsync(string tenant, IGrainFactory grains, BuildDesk desk, CancellationToken cancellationToken, string known = "")
    {
        await desk.TenantAsync(tenant);
        return TypedResults.ServerSentEvents(NewsOf(grains.GetGrain<IBuildIndexGrain>(tenant), known, cancellationToken));
    }

    private static async IAsyncEnumerable<SseItem<string>> NewsOf(IBuildIndexGrain index, string known, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        while (!cancellationToken.IsCancellationRequested)
        {
            if (await index.WaitForNewerAsync(known))
            {
                yield return new SseItem<string>("newer", "news");
                yield break;
            }
            // Tells a browser that went away from one that waits.
            yield return new SseItem<string>("waiting", "waiting");
        }
    }

    private static async IAsyncEnumerable<SseItem<BuildEvent>> ItemsAsync(IAsyncEnumerable<BuildEvent> events, long after, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        long number = 0;
        await foreach (var buildEvent in events.WithCancellation(cancellationToken))
        {
            if (++number > after)
                yield return new SseItem<BuildEvent>(buildEvent) { EventId = number.ToString(CultureInfo.InvariantCulture) };
        }
    }

    private static async Task LogAsync(string tenant, string build, HttpContext context, BuildDesk desk, IBuildEvents events, CancellationToken cancellationToken)
    {
        await desk.FindAsync(tenant, build);
        context.Response.ContentType = "text/plain; charset=utf-8";
        // Output is a stranger's text: no browser is to take it for a page.
        context.Response.Headers.XContentTypeOptions = "nosniff";
        await foreach (var buildEvent in events.WatchAsync(BuildDesk.KeyOf(tenant, build), cancellationToken))
        {
            if (buildEvent is not OutputWritten output)
                continue;
            await context.Response.WriteAsync(output.Text, cancellationToken);
            await context.Response.Body.FlushAsync(cancellationToken);
        }
    }
}
