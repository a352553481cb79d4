using Grid.Api.Identity;
using Grid.Dashboard.Pages;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;

namespace Grid.Dashboard;

/// <summary>In and out.</summary>
internal static class SignInPages
{
    public static RazorComponentResult<SignIn> Show(string? @return, bool failed) => GridDashboard.Page<SignIn>(new { Failed = failed, Return = Local(@return) });

    public static async Task<IResult> SignInAsync(HttpContext context, ApiKeys keys, [FromForm] string key, [FromForm(Name = "return")] string? @return = null)
    {
        if (await keys.FindAsync(key.Trim()) is null)
            return Show(@return, failed: true);
        SessionCookie.Write(context, key.Trim());
        return Results.Redirect(Local(@return));
    }

    public static IResult SignOut(HttpContext context)
    {
        SessionCookie.Delete(context);
        return Results.Redirect("/signin");
    }

    /// <summary>A path of this host; anything else is where no sign-in may lead.</summary>
    private static string Local(string? path) => path is ['/', not ('/' or '\\'), ..] ? path : "/";
}
