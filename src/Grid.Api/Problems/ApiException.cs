using Microsoft.AspNetCore.Mvc;

namespace Grid.Api.Problems;

/// <summary>An answer that is an error: ends the request with problem details.</summary>
/// <param name="code">One of <see cref="ProblemCode"/>.</param>
/// <param name="detail">What, where, and what to do.</param>
public sealed class ApiException(string code, string detail) : Exception(detail)
{
    /// <summary>One of <see cref="ProblemCode"/>.</summary>
    public string Code { get; } = code;

    /// <summary>What is wrong, by the field's name.</summary>
    public IReadOnlyDictionary<string, string[]>? Errors { get; init; }

    /// <summary>When to try again.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>Nothing here for the caller: the same words for what does not exist and for what belongs to somebody else.</summary>
    public static ApiException NotFound() => new(ProblemCode.NotFound, "there is nothing here, or not for you");

    /// <summary>There is no room for another build.</summary>
    public static ApiException QueueFull(string reason, TimeSpan? retryAfter) => new(ProblemCode.QueueFull, reason) { RetryAfter = retryAfter ?? TimeSpan.FromSeconds(30) };

    /// <summary>Gives an answer of the framework's own (no such path, another media type) its code.</summary>
    internal static void AddCode(ProblemDetails problem)
    {
        if (problem.Extensions.ContainsKey("code"))
            return;
        problem.Extensions["code"] = problem.Status switch
        {
            401 => ProblemCode.Unauthenticated,
            403 => ProblemCode.Forbidden,
            404 => ProblemCode.NotFound,
            413 => ProblemCode.TooLarge,
            429 => ProblemCode.TooMany,
            >= 500 => ProblemCode.Internal,
            _ => ProblemCode.InvalidRequest,
        };
        problem.Detail ??= "see /openapi/v1.json for the paths, methods and media types there are";
    }

    internal static ProblemDetails Describe(string code, string detail, IReadOnlyDictionary<string, string[]>? errors = null)
    {
        var (status, title) = ProblemCode.All[code];
        var problem = new ProblemDetails { Status = status, Title = title, Detail = detail };
        problem.Extensions["code"] = code;
        if (errors is not null)
            problem.Extensions["errors"] = errors;
        return problem;
    }
}
