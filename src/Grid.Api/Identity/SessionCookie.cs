using Microsoft.AspNetCore.Http;

namespace Grid.Api.Identity;

/// <summary>
/// The cookie of a browser that has signed in: the API key itself, which no script can read and no other site can make the browser send. It needs no state
/// on any node, and ends with the key.
/// </summary>
public static class SessionCookie
{
    private const string Name = "grid_key";

    /// <summary>The token a request carries.</summary>
    public static string? Read(HttpRequest request) => request.Cookies[Name];

    /// <summary>Signs the browser in until it is closed.</summary>
    public static void Write(HttpContext context, string token) => context.Response.Cookies.Append(Name, token, Options(context));

    /// <summary>Signs the browser out.</summary>
    public static void Delete(HttpContext context) => context.Response.Cookies.Delete(Name, Options(context));

    private static CookieOptions Options(HttpContext context) => new() { HttpOnly = true, Secure = context.Request.IsHttps, SameSite = SameSiteMode.Strict, Path = "/", IsEssential = true };
}
