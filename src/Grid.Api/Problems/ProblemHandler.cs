using System.Globalization;
using Grid.Api.Audit;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Grid.Api.Problems;

/// <summary>Turns what a route throws into problem details. A defect shows nothing of itself but its trace id.</summary>
internal sealed partial class ProblemHandler(IProblemDetailsService problems, ApiOptions options, ILogger<ProblemHandler> logger) : IExceptionHandler
{
    public async ValueTask<bool> TryHandleAsync(HttpContext context, Exception exception, CancellationToken cancellationToken)
    {
        var (code, detail, errors) = exception switch
        {
            ApiException known => (known.Code, known.Message, known.Errors),
            BadHttpRequestException { StatusCode: StatusCodes.Status413PayloadTooLarge } => (ProblemCode.TooLarge, "the request's body is larger than is accepted", null),
            BadHttpRequestException bad => (ProblemCode.InvalidRequest, bad.InnerException is System.Text.Json.JsonException json ? json.Message : bad.Message, null),
            OrleansException or TimeoutException => (ProblemCode.Unavailable, "the grid did not answer in time; try again", null),
            _ => (ProblemCode.Internal, $"this is a defect; report it with the trace id {context.TraceIdentifier}", (IReadOnlyDictionary<string, string[]>?)null),
        };
        if (code == ProblemCode.Unauthenticated && options.SignInPath is { } page && HttpMethods.IsGet(context.Request.Method) && context.Request.Headers.Accept.ToString().Contains("text/html", StringComparison.Ordinal))
        {
            context.Response.Redirect($"{page}?return={Uri.EscapeDataString(context.Request.Path + context.Request.QueryString)}");
            return true;
        }
        if (code is ProblemCode.Internal or ProblemCode.Unavailable)
            Failed(logger, context.Request.Method, context.Request.Path, exception);
        if (exception is ApiException { RetryAfter: { } delay })
            context.Response.Headers.RetryAfter = Math.Ceiling(delay.TotalSeconds).ToString(CultureInfo.InvariantCulture);
        var problem = ApiException.Describe(code, detail, errors);
        context.Features.Set(new AnsweredProblem(code));
        context.Response.StatusCode = problem.Status!.Value;
        var answer = new ProblemDetailsContext { HttpContext = context, ProblemDetails = problem, Exception = exception };
        // Who wants events and nothing else is told what went wrong all the same: the status alone does not say it.
        if (!await problems.TryWriteAsync(answer))
            await context.Response.WriteAsJsonAsync(answer.ProblemDetails, options: null, contentType: "application/problem+json", cancellationToken);
        return true;
    }

    [LoggerMessage(EventId = 1, Level = LogLevel.Error, Message = "{Method} {Path} failed")]
    private static partial void Failed(ILogger logger, string method, string path, Exception exception);
}
