namespace Grid.Api.Problems;

/// <summary>The stable codes of problem details; each stands in docs/errors.md.</summary>
public static class ProblemCode
{
    /// <summary>401: no token, or one that is not accepted.</summary>
    public const string Unauthenticated = "unauthenticated";
    /// <summary>403: the caller's role does not allow it.</summary>
    public const string Forbidden = "forbidden";
    /// <summary>404: there is no such thing, or not for this caller.</summary>
    public const string NotFound = "not-found";
    /// <summary>400: the request cannot be read or a value in it cannot be used.</summary>
    public const string InvalidRequest = "invalid-request";
    /// <summary>403: the tenant's policy does not allow what the build asks for.</summary>
    public const string PolicyViolation = "policy-violation";
    /// <summary>403: the tenant has used up what it may use.</summary>
    public const string QuotaExceeded = "quota-exceeded";
    /// <summary>412: the tenant was changed since it was read.</summary>
    public const string PreconditionFailed = "precondition-failed";
    /// <summary>409: the idempotency key was used for another request.</summary>
    public const string IdempotencyMismatch = "idempotency-mismatch";
    /// <summary>409: an upload's bytes are not those its digest names, or start at another offset than what is there.</summary>
    public const string UploadMismatch = "upload-mismatch";
    /// <summary>409: the source was not uploaded.</summary>
    public const string SourceMissing = "source-missing";
    /// <summary>409: the node has no key for secrets, or not the one a secret was sealed with.</summary>
    public const string SecretsUnavailable = "secrets-unavailable";
    /// <summary>413: more bytes than are accepted.</summary>
    public const string TooLarge = "too-large";
    /// <summary>429: too many requests.</summary>
    public const string TooMany = "too-many-requests";
    /// <summary>429: as many builds wait as may.</summary>
    public const string QueueFull = "queue-full";
    /// <summary>503: the grid cannot answer now; try again.</summary>
    public const string Unavailable = "unavailable";
    /// <summary>500: a defect of Grid.</summary>
    public const string Internal = "internal-error";

    internal static IReadOnlyDictionary<string, (int Status, string Title)> All { get; } = new Dictionary<string, (int, string)>
    {
        [Unauthenticated] = (401, "Authentication is needed"),
        [Forbidden] = (403, "Not allowed"),
        [NotFound] = (404, "Not found"),
        [InvalidRequest] = (400, "The request cannot be used"),
        [PolicyViolation] = (403, "The tenant's policy does not allow this"),
        [QuotaExceeded] = (403, "The tenant's quota is used up"),
        [PreconditionFailed] = (412, "It was changed meanwhile"),
        [IdempotencyMismatch] = (409, "The idempotency key belongs to another request"),
        [UploadMismatch] = (409, "The upload does not fit"),
        [SourceMissing] = (409, "The source was not uploaded"),
        [SecretsUnavailable] = (409, "Secrets cannot be used here"),
        [TooLarge] = (413, "Too large"),
        [TooMany] = (429, "Too many requests"),
        [QueueFull] = (429, "The queue is full"),
        [Unavailable] = (503, "Not available now"),
        [Internal] = (500, "An error of Grid's own"),
    };
}
