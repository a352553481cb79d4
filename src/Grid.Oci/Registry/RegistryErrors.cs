using System.Net;
using System.Text;
using System.Text.Json;
using Grid.Oci.Images;

namespace Grid.Oci.Registry;

/// <summary>Turns a registry's refusal into a message that says what, where and what to do.</summary>
internal static class RegistryErrors
{
    private const int MaxBody = 16 << 10;
    private static readonly TimeSpan BodyPatience = TimeSpan.FromSeconds(10);

    /// <summary>Reads the error body and makes the exception; disposes nothing.</summary>
    public static async Task<ImageAccessException> FromAsync(
        HttpResponseMessage response, string registry, string what, CancellationToken cancellationToken)
    {
        var status = response.StatusCode;
        var detail = await DetailAsync(response, cancellationToken);
        var message = $"cannot {what}: registry {registry} answered {(int)status} {status}{(detail.Length == 0 ? "" : $" ({detail})")}; {Advice(status, registry)}";
        return new ImageAccessException(message, status);
    }

    /// <summary>The exception for a registry that gave no answer.</summary>
    public static ImageAccessException Unreachable(string registry, string what, Exception cause) => new(
        $"cannot {what}: registry {registry} cannot be reached ({Root(cause)}); check its name, the network, and whether it speaks HTTPS "
        + "(one that speaks plain HTTP has to be listed as insecure)", null, cause);

    private static string Advice(HttpStatusCode status, string registry) => status switch
    {
        HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden =>
            $"denied: log in with 'docker login {registry}', or check the entry for {registry} in ~/.docker/config.json or CNB_REGISTRY_AUTH, and that it may use this repository",
        HttpStatusCode.NotFound => "check the name of the repository, and that it exists",
        HttpStatusCode.TooManyRequests => "the registry limits the rate of requests: log in to have a higher limit, or try later",
        HttpStatusCode.RequestEntityTooLarge => "the registry, or a proxy before it, does not take blobs of this size: raise its limit",
        >= HttpStatusCode.InternalServerError => "the registry is in trouble: try later, or look into its log",
        _ => "check that this is a registry that speaks the OCI distribution API",
    };

    // {"errors":[{"code":"DENIED","message":"…"}]} (distribution-spec §Error Codes). Other bodies are not shown: they may be whole pages.
    private static async Task<string> DetailAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(BodyPatience);
        try
        {
            await using var stream = await response.Content.ReadAsStreamAsync(patience.Token);
            var buffer = new byte[MaxBody];
            var length = await stream.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, patience.Token);
            using var json = JsonDocument.Parse(buffer.AsMemory(0, length));
            if (json.RootElement.ValueKind != JsonValueKind.Object || !json.RootElement.TryGetProperty("errors", out var errors)
                || errors.ValueKind != JsonValueKind.Array)
                return "";
            return string.Join("; ", errors.EnumerateArray().Take(3).Select(Describe).Where(text => text.Length > 0));
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or IOException or HttpRequestException
            || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            // The status alone has to do; this is already the error path.
            return "";
        }
    }

    private static string Describe(JsonElement error)
    {
        if (error.ValueKind != JsonValueKind.Object)
            return "";
        return Printable(string.Join(": ", new[] { Text(error, "code"), Text(error, "message") }.Where(text => text.Length > 0)));
    }

    private static string Text(JsonElement error, string name) =>
        error.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString()! : "";

    // What a registry writes ends in terminals and logs: no control characters, no novels.
    private static string Printable(string text)
    {
        var result = new StringBuilder();
        foreach (var c in text.AsSpan(0, Math.Min(text.Length, 300)))
            result.Append(char.IsControl(c) ? ' ' : c);
        return result.ToString();
    }

    private static string Root(Exception e)
    {
        while (e is not TimeoutException && e.InnerException is { } inner)
            e = inner;
        return e.Message;
    }
}
