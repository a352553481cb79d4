using Microsoft.AspNetCore.Http;

namespace Grid.Dashboard;

/// <summary>Headers of all pages.</summary>
internal static class PageHeaders
{
    /// <summary>Nothing in a page may come from elsewhere or run because a build's text says so.</summary>
    public static void Write(IHeaderDictionary headers)
    {
        headers.ContentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
        headers.XContentTypeOptions = "nosniff";
        // Not "no-referrer": browsers then hide from us too that a form is of our own page.
        headers["Referrer-Policy"] = "same-origin";
        headers.CacheControl = "no-store";
    }
}
