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
    internal const string LastEventId = "Last-Event-ID";

    public static void MapEvents(this IEndpointRouteBuilder routes)
    {
        routes.MapGet("/tenants/{tenant}/builds/news", NewsAsync).Require(Role.Viewer).WithTags("Builds").WithName("WatchBuilds")
            .WithSummary("A server-sent event as soon as there is a build newer than 'known'; the answer ends with it");
        var build = routes.MapGroup("/tenants/{tenant}/builds/{build}").WithTags("Builds");
        build.MapGet("events", EventsAsync).Require(Role.Viewer).WithName("WatchBuild")
            .WithSummary($"The build's events as server-sent events from the first (or after {LastEventId}) to its end; an event's id says where to go on");
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
        return TypedResults.ServerSentEvents(await ItemsAsync(events, BuildDesk.KeyOf(tenant, build), from, cancellationToken));
    }

    /// <summary>
    /// The events after one. An event's id is where it begins in the journal, and 1; so the one that was seen last is read again, which tells a place in
    /// this journal from any number, and the end of a build from a build that goes on.
    /// </summary>
    private static async Task<IAsyncEnumerable<SseItem<BuildEvent>>> ItemsAsync(IBuildEvents events, string buildKey, long after, CancellationToken cancellationToken)
    {
        var start = Math.Max(0, after - 1);
        var reader = events.ReadAsync(buildKey, start, cancellationToken).GetAsyncEnumerator(cancellationToken);
        try
        {
            var isSeen = after > 0 && await reader.MoveNextAsync();
            return ItemsOf(reader, isSeen ? reader.Current.Next : start, isOver: isSeen && reader.Current.Event is BuildFinished);
        }
        catch (Exception e) when (e is ArgumentOutOfRangeException or InvalidDataException)
        {
            await reader.DisposeAsync();
            throw new ApiException(ProblemCode.InvalidRequest, $"{LastEventId}: {after.ToString(CultureInfo.InvariantCulture)} is no id of an event of this build");
        }
    }

    private static async IAsyncEnumerable<SseItem<BuildEvent>> ItemsOf(IAsyncEnumerator<RecordedEvent> reader, long start, bool isOver)
    {
        await using (reader)
        {
            while (!isOver && await reader.MoveNextAsync())
            {
                yield return new SseItem<BuildEvent>(reader.Current.Event) { EventId = (start + 1).ToString(CultureInfo.InvariantCulture) };
                start = reader.Current.Next;
            }
        }
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
