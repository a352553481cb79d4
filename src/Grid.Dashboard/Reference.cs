using Grid.Api.Identity;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Grid.Dashboard;

/// <summary>
/// The API's reference as a page: all routes of the OpenAPI document of this very node, with forms that call them. Script and style are this node's own, and
/// it says nothing that the document, which everybody may read, does not.
/// </summary>
internal static class Reference
{
    private const string Page = """
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>Grid API</title>
        <link rel="stylesheet" href="{style}">
        <script src="{script}" defer></script>
        </head>
        <body>
        <header>
        <h1>Grid API</h1>
        <p id="about">The routes of this grid. The same as a document: <a href="/openapi/v1.json">/openapi/v1.json</a>. <a href="/">Dashboard</a></p>
        <form id="identity"><label>API key <input id="token" type="password" autocomplete="off" placeholder="grid_… (without one the session of the dashboard counts)"></label>
        <label>Tenant <input id="tenant" autocomplete="off" value="default"></label>
        <label>Find <input id="find" type="search" placeholder="path or words"></label></form>
        </header>
        <main id="routes" aria-busy="true"><p>Reading the document…</p></main>
        <noscript><p>This page is made by a script; the document itself is at <a href="/openapi/v1.json">/openapi/v1.json</a>.</p></noscript>
        </body>
        </html>
        """;

    private static readonly string Html = Page.Replace("{style}", Asset.Path("reference.css"), StringComparison.Ordinal).Replace("{script}", Asset.Path("reference.js"), StringComparison.Ordinal);

    public static void MapReference(this IEndpointRouteBuilder routes) => routes.MapGet("/reference", () => TypedResults.Content(Html, "text/html; charset=utf-8")).OpenForAll();
}
