using System.Net;
using System.Net.Sockets;
using System.Security.Authentication;
using Grid.Oci.Images;

namespace Grid.Oci.Registry;

/// <summary>Repeats what failed for a reason that may pass: no connection, a timeout, 408, 429, 5xx (spec-facts §4.4 has the waits).</summary>
internal sealed class RetrySchedule(RegistryOptions options, TimeProvider time)
{
    /// <summary>
    /// Runs <paramref name="attempt"/> until it gives an answer that is final, or the waits are used up; the last answer is given back then,
    /// and the last network error thrown.
    /// </summary>
    public async Task<HttpResponseMessage> RunAsync(
        Func<CancellationToken, Task<HttpResponseMessage>> attempt, CancellationToken cancellationToken)
    {
        for (var failures = 0; ; failures++)
        {
            TimeSpan? asked = null;
            try
            {
                var response = await attempt(cancellationToken);
                if (!IsTransient(response.StatusCode) || failures == options.RetryDelays.Count)
                    return response;
                asked = RetryAfter(response);
                if (asked > options.MaxRetryAfter)
                    return response;
                response.Dispose();
            }
            catch (Exception e) when (failures < options.RetryDelays.Count && IsTransient(e, cancellationToken))
            {
                // Told by the wait below; the last failure is thrown.
            }
            RegistryMetrics.Retried();
            await Task.Delay(asked ?? Jittered(options.RetryDelays[failures]), time, cancellationToken);
        }
    }

    /// <summary>Whether the failure lies with the network and may pass. A refused certificate, a name nobody knows and our own refusals do not.</summary>
    public static bool IsTransient(Exception e, CancellationToken cancellationToken) => e switch
    {
        OperationCanceledException => !cancellationToken.IsCancellationRequested,
        HttpRequestException or IOException => !IsFinal(e),
        _ => false,
    };

    private static bool IsFinal(Exception? e) => e switch
    {
        null => false,
        ImageAccessException or BlobNotFoundException or BlobMismatchException or AuthenticationException => true,
        SocketException { SocketErrorCode: SocketError.HostNotFound or SocketError.NoData } => true,
        _ => IsFinal(e.InnerException),
    };

    private static bool IsTransient(HttpStatusCode status) =>
        status is HttpStatusCode.RequestTimeout or HttpStatusCode.TooManyRequests
            or (>= HttpStatusCode.InternalServerError and not HttpStatusCode.NotImplemented);

    private TimeSpan? RetryAfter(HttpResponseMessage response)
    {
        var header = response.Headers.RetryAfter;
        var wait = header?.Delta ?? header?.Date - time.GetUtcNow();
        return wait < TimeSpan.Zero ? TimeSpan.Zero : wait;
    }

    private static TimeSpan Jittered(TimeSpan delay) => delay * (1 + Random.Shared.NextDouble() * 0.2);
}
