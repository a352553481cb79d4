using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Microsoft.Net.Http.Headers;

namespace Grid.Api;

/// <summary>Answers with a tag of what is answered. A caller that sends it back as <c>If-None-Match</c> gets 304 and no body as long as nothing has changed.</summary>
internal static class EntityTags
{
    /// <summary>Marks a route whose answer has a tag.</summary>
    internal sealed record Tagged;

    /// <summary>Gives the answers of a route a tag: a digest of the answer, unless the route has given one itself.</summary>
    public static RouteHandlerBuilder WithEntityTag(this RouteHandlerBuilder route) =>
        route.AddEndpointFilter(AnswerAsync).WithMetadata(new Tagged()).Produces(StatusCodes.Status304NotModified);

    private static async ValueTask<object?> AnswerAsync(EndpointFilterInvocationContext invocation, EndpointFilterDelegate next)
    {
        var result = await next(invocation);
        if (result is not IValueHttpResult { Value: { } value })
            return result;
        var context = invocation.HttpContext;
        var json = JsonSerializer.SerializeToUtf8Bytes(value, value.GetType(), context.RequestServices.GetRequiredService<IOptions<JsonOptions>>().Value.SerializerOptions);
        if (context.Response.Headers.ETag.Count == 0)
            context.Response.Headers.ETag = $"\"{Convert.ToHexStringLower(SHA256.HashData(json))[..32]}\"";
        // What is answered is the caller's alone, and to be asked for again each time.
        context.Response.Headers.CacheControl = "private, no-cache";
        return IsKnown(context) ? TypedResults.StatusCode(StatusCodes.Status304NotModified) : TypedResults.Bytes(json, "application/json; charset=utf-8");
    }

    private static bool IsKnown(HttpContext context) =>
        EntityTagHeaderValue.TryParseList(context.Request.Headers.IfNoneMatch, out var known)
        && EntityTagHeaderValue.TryParse(context.Response.Headers.ETag.ToString(), out var tag)
        && known.Any(k => k.Equals(EntityTagHeaderValue.Any) || k.Compare(tag, useStrongComparison: false));
}
