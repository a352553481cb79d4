using Grid.Api.Identity;
using Grid.Dashboard.Pages;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Grid.Dashboard;

/// <summary>What goes wrong on a page is a page; programs get the API's problem details.</summary>
internal sealed class PageProblems : IProblemDetailsWriter
{
    public bool CanWrite(ProblemDetailsContext context) =>
        context.HttpContext.Request.Headers.Accept.ToString().Contains("text/html", StringComparison.Ordinal) && !context.HttpContext.Request.Path.StartsWithSegments("/v1", StringComparison.Ordinal);

    public async ValueTask WriteAsync(ProblemDetailsContext context)
    {
        var http = context.HttpContext;
        PageHeaders.Write(http.Response.Headers);
        await new RazorComponentResult<ProblemPage>(new { Caller = Caller.From(http.User), Problem = context.ProblemDetails }) { StatusCode = http.Response.StatusCode }.ExecuteAsync(http);
    }
}
