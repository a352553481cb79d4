using Grid.Api.Identity;
using Grid.Contracts.Audit;
using Grid.Contracts.Tenants;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Logging;

namespace Grid.Api.Audit;

/// <summary>
/// Writes down each request that changes something, or was refused to: before its answer is sent, so that who has the answer finds the entry. An entry has names,
/// never what was sent.
/// </summary>
internal sealed partial class AuditTrail(IGrainFactory grains, TimeProvider time, ILogger<AuditTrail> log)
{
    private const string Done = "done";
    private const string RequestIdHeader = "X-Request-Id";
    private const int MaxObject = 300;

    /// <summary>Goes along with a request; stands before the check of rights and behind the one of identity.</summary>
    public Task FollowAsync(HttpContext context, RequestDelegate next)
    {
        var endpoint = context.GetEndpoint();
        if (endpoint is null || IsReading(context.Request.Method) || endpoint.Metadata.GetMetadata<RequiredRole>() is null || endpoint.Metadata.GetMetadata<NotAudited>() is not null
            || Caller.From(context.User) is not { } caller)
            return next(context);
        var action = endpoint.Metadata.GetMetadata<AuditedAction>()?.Name ?? endpoint.Metadata.GetMetadata<IEndpointNameMetadata>()?.EndpointName ?? $"{context.Request.Method} {(endpoint as RouteEndpoint)?.RoutePattern.RawText}";
        var tenant = context.Request.RouteValues.TryGetValue(Access.TenantParameter, out var value) ? value as string : null;
        // Not the trace's: that is the caller's to choose, and two requests with one id would be taken for a repeated one.
        var id = context.TraceIdentifier;
        context.Response.OnStarting(() =>
        {
            context.Response.Headers[RequestIdHeader] = id;
            return WriteAsync(context, caller, tenant, action, id);
        });
        return next(context);
    }

    private async Task WriteAsync(HttpContext context, Caller caller, string? tenant, string action, string id)
    {
        var entry = new AuditEntry
        {
            At = time.GetUtcNow(), Actor = caller.Subject, Action = action, RequestId = id, Object = ObjectOf(context),
            Result = context.Response.StatusCode < 400 ? Done : context.Features.Get<AnsweredProblem>()?.Code ?? $"{context.Response.StatusCode}",
        };
        try
        {
            foreach (var key in Logs(caller, tenant, entry.Result))
                await grains.GetGrain<IAuditGrain>(key).AppendAsync(entry);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            // What was asked for has been done and cannot be taken back; the node's log has the entry instead.
            Lost(log, entry.Actor, entry.Action, entry.Object, entry.Result, entry.RequestId, e);
        }
    }

    /// <summary>The tenant's log has what is done in the tenant; the grid's what operators do, and what somebody tried and must not.</summary>
    private static IEnumerable<string> Logs(Caller caller, string? tenant, string result)
    {
        var inTenant = tenant is not null && Names.IsTenant(tenant) && caller.Sees(tenant);
        if (inTenant)
            yield return tenant!;
        if (!inTenant || caller.Role == Role.Operator || result == Problems.ProblemCode.Forbidden)
            yield return IAuditGrain.GridKey;
    }

    private static bool IsReading(string method) => HttpMethods.IsGet(method) || HttpMethods.IsHead(method) || HttpMethods.IsOptions(method);

    private static string ObjectOf(HttpContext context)
    {
        var text = context.Features.Get<AuditedObject>()?.Path ?? context.Request.Path.Value ?? "";
        text = text.StartsWith("/v1/", StringComparison.Ordinal) ? text[4..] : text.TrimStart('/');
        return new string([.. text.Take(MaxObject).Select(c => char.IsControl(c) ? '?' : c)]);
    }

    [LoggerMessage(EventId = 1, Level = LogLevel.Error, Message = "an audit entry could not be stored: {Actor} {Action} {Object} {Result} {RequestId}")]
    private static partial void Lost(ILogger logger, string actor, string action, string @object, string result, string requestId, Exception exception);
}

/// <summary>What a request was about, where its path does not say it.</summary>
internal sealed record AuditedObject(string Path);

/// <summary>The code of the error that is answered.</summary>
internal sealed record AnsweredProblem(string Code);

/// <summary>A route that changes nothing but bytes on their way in.</summary>
internal sealed record NotAudited;

/// <summary>What a route does, where it has no name of its own or the name is another route's too.</summary>
internal sealed record AuditedAction(string Name);

/// <summary>How routes speak to the audit log.</summary>
public static class Auditing
{
    /// <summary>Names what was made or removed.</summary>
    internal static void Audit(this HttpContext context, string path) => context.Features.Set(new AuditedObject(path));

    /// <summary>Names what a route does: a page does what a route of the API does, and stands in the log as that.</summary>
    public static TBuilder AuditAs<TBuilder>(this TBuilder route, string action)
        where TBuilder : IEndpointConventionBuilder
    {
        route.Add(endpoint => endpoint.Metadata.Add(new AuditedAction(action)));
        return route;
    }

    /// <summary>Leaves a route out of the log.</summary>
    internal static TBuilder WithoutAudit<TBuilder>(this TBuilder route)
        where TBuilder : IEndpointConventionBuilder
    {
        route.Add(endpoint => endpoint.Metadata.Add(new NotAudited()));
        return route;
    }
}
