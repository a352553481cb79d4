using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Serialization;
using Grid.Client.Models;
using Grid.Contracts.Events;

namespace Grid.Client;

/// <summary>The HTTP API as methods. Safe for concurrent use; the <see cref="HttpClient"/> has the base address and is the caller's.</summary>
public sealed class GridClient
{
    /// <summary>The JSON of the API.</summary>
    public static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { Converters = { new JsonStringEnumConverter() }, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull };

    /// <summary>Connections one after the other, or uploads broken off, between which nothing came through. A proxy may end a quiet one after some seconds.</summary>
    private const int MaxSilentConnections = 100;

    private const int MaxUploads = 10;
    private static readonly TimeSpan ReconnectDelay = TimeSpan.FromMilliseconds(200);
    private readonly HttpClient _http;
    private readonly AuthenticationHeaderValue _authorization;

    /// <summary>Speaks to the API at the client's base address with this token. Others may use <paramref name="http"/> at the same time, with other tokens.</summary>
    public GridClient(HttpClient http, string token)
    {
        ArgumentNullException.ThrowIfNull(http);
        _http = http;
        _authorization = new AuthenticationHeaderValue("Bearer", token);
    }

    public Task<Page<TenantResource>> ListTenantsAsync(CancellationToken cancellationToken) => GetAsync<Page<TenantResource>>("v1/tenants", cancellationToken);

    public Task<TenantResource> GetTenantAsync(string tenant, CancellationToken cancellationToken) => GetAsync<TenantResource>($"v1/tenants/{Escape(tenant)}", cancellationToken);

    public Task<TenantResource> SetTenantAsync(string tenant, TenantSettingsResource settings, CancellationToken cancellationToken) =>
        SendAsync<TenantResource>(HttpMethod.Put, $"v1/tenants/{Escape(tenant)}", settings, null, cancellationToken);

    /// <summary>Changes a tenant as it was read: <paramref name="etag"/> is its ETag then, or null for one that must not exist yet.</summary>
    public Task<TenantResource> SetTenantAsync(string tenant, TenantSettingsResource settings, string? etag, CancellationToken cancellationToken) =>
        SendAsync<TenantResource>(HttpMethod.Put, $"v1/tenants/{Escape(tenant)}", settings, request => request.Headers.TryAddWithoutValidation(etag is null ? "If-None-Match" : "If-Match", etag ?? "*"), cancellationToken);

    /// <summary>What a tenant's builds used in a month (<c>yyyy-MM</c>), this one for null.</summary>
    public Task<UsageResource> GetUsageAsync(string tenant, string? month, CancellationToken cancellationToken) =>
        GetAsync<UsageResource>($"v1/tenants/{Escape(tenant)}/usage{(month is null ? "" : "?month=" + Escape(month))}", cancellationToken);

    public Task<Page<ApiKeyResource>> ListKeysAsync(string tenant, CancellationToken cancellationToken) => GetAsync<Page<ApiKeyResource>>($"v1/tenants/{Escape(tenant)}/keys", cancellationToken);

    public Task<CreatedApiKey> CreateKeyAsync(string tenant, ApiKeyRequest request, CancellationToken cancellationToken) =>
        SendAsync<CreatedApiKey>(HttpMethod.Post, $"v1/tenants/{Escape(tenant)}/keys", request, null, cancellationToken);

    public Task RevokeKeyAsync(string tenant, string key, CancellationToken cancellationToken) => DeleteAsync($"v1/tenants/{Escape(tenant)}/keys/{Escape(key)}", cancellationToken);

    public Task<Page<SecretResource>> ListSecretsAsync(string tenant, CancellationToken cancellationToken) => GetAsync<Page<SecretResource>>($"v1/tenants/{Escape(tenant)}/secrets", cancellationToken);

    public Task<SecretResource> SetSecretAsync(string tenant, string secret, SecretRequest request, CancellationToken cancellationToken) =>
        SendAsync<SecretResource>(HttpMethod.Put, $"v1/tenants/{Escape(tenant)}/secrets/{Escape(secret)}", request, null, cancellationToken);

    public Task RemoveSecretAsync(string tenant, string secret, CancellationToken cancellationToken) => DeleteAsync($"v1/tenants/{Escape(tenant)}/secrets/{Escape(secret)}", cancellationToken);

    public Task<Page<SecretResource>> ListBindingsAsync(string tenant, CancellationToken cancellationToken) => GetAsync<Page<SecretResource>>($"v1/tenants/{Escape(tenant)}/bindings", cancellationToken);

    public Task<SecretResource> SetBindingAsync(string tenant, string binding, BindingRequest request, CancellationToken cancellationToken) =>
        SendAsync<SecretResource>(HttpMethod.Put, $"v1/tenants/{Escape(tenant)}/bindings/{Escape(binding)}", request, null, cancellationToken);

    public Task RemoveBindingAsync(string tenant, string binding, CancellationToken cancellationToken) => DeleteAsync($"v1/tenants/{Escape(tenant)}/bindings/{Escape(binding)}", cancellationToken);

    public Task<Page<SecretResource>> ListRegistriesAsync(string tenant, CancellationToken cancellationToken) => GetAsync<Page<SecretResource>>($"v1/tenants/{Escape(tenant)}/registries", cancellationToken);

    public Task<SecretResource> SetRegistryAsync(string tenant, RegistryRequest request, CancellationToken cancellationToken) =>
        SendAsync<SecretResource>(HttpMethod.Put, $"v1/tenants/{Escape(tenant)}/registries", request, null, cancellationToken);

    public Task RemoveRegistryAsync(string tenant, string registry, CancellationToken cancellationToken) =>
        DeleteAsync($"v1/tenants/{Escape(tenant)}/registries?registry={Escape(registry)}", cancellationToken);

    /// <summary>Seals the tenant's secrets again with the current key.</summary>
    public Task<ResealResource> ResealAsync(string tenant, CancellationToken cancellationToken) =>
        SendAsync<ResealResource>(HttpMethod.Post, $"v1/tenants/{Escape(tenant)}/reseal", null, null, cancellationToken);

    /// <summary>What was done in a tenant, newest first; <paramref name="after"/> is the number of the last entry that is known.</summary>
    public Task<Page<AuditEntryResource>> ListAuditAsync(string tenant, string? after, int limit, CancellationToken cancellationToken) =>
        GetAsync<Page<AuditEntryResource>>($"v1/tenants/{Escape(tenant)}/audit?limit={limit.ToString(CultureInfo.InvariantCulture)}{(after is null ? "" : "&after=" + Escape(after))}", cancellationToken);

    /// <summary>The grid's own log, for operators.</summary>
    public Task<Page<AuditEntryResource>> ListGridAuditAsync(string? after, int limit, CancellationToken cancellationToken) =>
        GetAsync<Page<AuditEntryResource>>($"v1/audit?limit={limit.ToString(CultureInfo.InvariantCulture)}{(after is null ? "" : "&after=" + Escape(after))}", cancellationToken);

    /// <summary>Submits a build. With the same <paramref name="idempotencyKey"/> a repeated call gives the same build.</summary>
    public Task<BuildResource> SubmitBuildAsync(string tenant, BuildSubmission submission, string idempotencyKey, CancellationToken cancellationToken) =>
        SendAsync<BuildResource>(HttpMethod.Post, $"v1/tenants/{Escape(tenant)}/builds", submission, request => request.Headers.Add("Idempotency-Key", idempotencyKey), cancellationToken);

    public Task<BuildResource> GetBuildAsync(string tenant, string build, CancellationToken cancellationToken) => GetAsync<BuildResource>(BuildPath(tenant, build), cancellationToken);

    /// <summary>What a build consists of, as far as it is known.</summary>
    public Task<BuildDetailsResource> GetBuildDetailsAsync(string tenant, string build, CancellationToken cancellationToken) =>
        GetAsync<BuildDetailsResource>(BuildPath(tenant, build) + "/details", cancellationToken);

    /// <summary>The files that a build left: report, SBOMs, generated Dockerfiles, group and plan.</summary>
    public Task<Page<ArtifactResource>> ListArtifactsAsync(string tenant, string build, CancellationToken cancellationToken) =>
        GetAsync<Page<ArtifactResource>>(BuildPath(tenant, build) + "/artifacts", cancellationToken);

    /// <summary>The bytes of one of them.</summary>
    public async Task<byte[]> GetArtifactAsync(string tenant, string build, string name, CancellationToken cancellationToken)
    {
        var path = string.Join('/', name.Split('/').Select(Escape));
        using var request = new HttpRequestMessage(HttpMethod.Get, Relative($"{BuildPath(tenant, build)}/artifacts/{path}"));
        using var answer = await SendAsync(request, HttpCompletionOption.ResponseContentRead, cancellationToken).ConfigureAwait(false);
        await EnsureSuccessAsync(answer, cancellationToken).ConfigureAwait(false);
        return await answer.Content.ReadAsByteArrayAsync(cancellationToken).ConfigureAwait(false);
    }

    public Task<Page<BuildResource>> ListBuildsAsync(string tenant, string? app, string? after, int limit, CancellationToken cancellationToken) => GetAsync<Page<BuildResource>>(
        $"v1/tenants/{Escape(tenant)}/builds?limit={limit.ToString(CultureInfo.InvariantCulture)}{(app is null ? "" : "&app=" + Escape(app))}{(after is null ? "" : "&after=" + Escape(after))}", cancellationToken);

    /// <summary>Cached Dockerfile steps of the tenant's own; <paramref name="after"/> is what the last page gave as next.</summary>
    public Task<Page<CachedStepResource>> ListCachedStepsAsync(string tenant, string? after, int limit, CancellationToken cancellationToken) =>
        GetAsync<Page<CachedStepResource>>($"v1/tenants/{Escape(tenant)}/cache?limit={limit.ToString(CultureInfo.InvariantCulture)}{(after is null ? "" : "&after=" + Escape(after))}", cancellationToken);

    /// <summary>Forgets cached steps of the tenant.</summary>
    public Task<CachePruneResource> PruneCachedStepsAsync(string tenant, CachePruneRequest request, CancellationToken cancellationToken) =>
        SendAsync<CachePruneResource>(HttpMethod.Post, $"v1/tenants/{Escape(tenant)}/cache/prune", request, null, cancellationToken);

    public Task<Page<string>> ListAppsAsync(string tenant, CancellationToken cancellationToken) => GetAsync<Page<string>>($"v1/tenants/{Escape(tenant)}/apps", cancellationToken);

    public Task<BuildResource> CancelBuildAsync(string tenant, string build, CancellationToken cancellationToken) =>
        SendAsync<BuildResource>(HttpMethod.Post, BuildPath(tenant, build) + "/cancel", null, null, cancellationToken);

    public Task<BuildResource> RetryBuildAsync(string tenant, string build, CancellationToken cancellationToken) =>
        SendAsync<BuildResource>(HttpMethod.Post, BuildPath(tenant, build) + "/retry", null, null, cancellationToken);

    /// <summary>Where a waiting build stands; null when it does not wait.</summary>
    public async Task<QueuePlaceResource?> FindPlaceAsync(string tenant, string build, CancellationToken cancellationToken)
    {
        try
        {
            return await GetAsync<QueuePlaceResource>(BuildPath(tenant, build) + "/place", cancellationToken).ConfigureAwait(false);
        }
        catch (GridApiException e) when (e.Status == HttpStatusCode.NotFound)
        {
            return null;
        }
    }

    /// <summary>All pools at a glance.</summary>
    public Task<Page<PoolSummaryResource>> ListPoolsAsync(CancellationToken cancellationToken) => GetAsync<Page<PoolSummaryResource>>("v1/pools", cancellationToken);

    /// <summary>Nodes of a pool.</summary>
    public Task<Page<NodeResource>> ListNodesAsync(string pool, CancellationToken cancellationToken) => GetAsync<Page<NodeResource>>($"v1/pools/{Escape(pool)}/nodes", cancellationToken);

    /// <summary>Switches whether a node gets new builds.</summary>
    public Task<NodeResource> DrainNodeAsync(string pool, string node, bool drain, CancellationToken cancellationToken) =>
        SendAsync<NodeResource>(HttpMethod.Post, $"v1/pools/{Escape(pool)}/nodes/{Escape(node)}/{(drain ? "drain" : "undrain")}", null, null, cancellationToken);

    /// <summary>Starts a run of the grid's retention unless one goes on.</summary>
    public Task<RetentionResource> StartRetentionAsync(RetentionRunRequest request, CancellationToken cancellationToken) =>
        SendAsync<RetentionResource>(HttpMethod.Post, "v1/retention", request, null, cancellationToken);

    /// <summary>The run of the grid's retention that goes on, or the last one.</summary>
    public Task<RetentionResource> GetRetentionAsync(CancellationToken cancellationToken) => GetAsync<RetentionResource>("v1/retention", cancellationToken);

    public Task<QueueResource> GetQueueAsync(string pool, int waiting, CancellationToken cancellationToken) =>
        GetAsync<QueueResource>($"v1/pools/{Escape(pool)}/queue?waiting={waiting.ToString(CultureInfo.InvariantCulture)}", cancellationToken);

    /// <summary>The tenant's builds that run and wait.</summary>
    public Task<QueueResource> GetTenantQueueAsync(string tenant, CancellationToken cancellationToken) => GetAsync<QueueResource>($"v1/tenants/{Escape(tenant)}/queue", cancellationToken);

    /// <summary>
    /// The build's events to its end, after the one with the id <paramref name="after"/>, or all for 0. A connection that breaks, or that a server ends because it stops, is made
    /// again from where it ended.
    /// </summary>
    public async IAsyncEnumerable<BuildEvent> WatchBuildAsync(string tenant, string build, long after, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var (silent, isFirst) = (0, true);
        while (true)
        {
            await using var events = ReadEventsAsync(tenant, build, after, cancellationToken).GetAsyncEnumerator(cancellationToken);
            while (true)
            {
                try
                {
                    if (!await events.MoveNextAsync().ConfigureAwait(false))
                    {
                        // Nothing comes after the end of a build; before it, the server went away.
                        if (isFirst && after > 0 || silent++ == MaxSilentConnections)
                            yield break;
                        break;
                    }
                }
                catch (IOException) when (silent++ < MaxSilentConnections)
                {
                    break;
                }
                (after, var buildEvent) = events.Current;
                (silent, isFirst) = (0, false);
                yield return buildEvent;
                if (buildEvent is BuildFinished)
                    yield break;
            }
            await Task.Delay(ReconnectDelay, TimeProvider.System, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Sends an archive unless the tenant has sent it before, from where an earlier attempt broke off.</summary>
    public async Task UploadAsync(string tenant, string digest, Stream content, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await UploadOnceAsync(tenant, digest, content, cancellationToken).ConfigureAwait(false);
                return;
            }
            catch (Exception e) when (attempt < MaxUploads && e is IOException or HttpRequestException { HttpRequestError: not (HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError) })
            {
                await Task.Delay(ReconnectDelay, TimeProvider.System, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private async Task UploadOnceAsync(string tenant, string digest, Stream content, CancellationToken cancellationToken)
    {
        var path = $"v1/tenants/{Escape(tenant)}/uploads/{Escape(digest)}";
        long offset;
        using (var ask = new HttpRequestMessage(HttpMethod.Head, Relative(path)))
        using (var answer = await SendAsync(ask, HttpCompletionOption.ResponseContentRead, cancellationToken).ConfigureAwait(false))
        {
            await EnsureSuccessAsync(answer, cancellationToken).ConfigureAwait(false);
            if (Header(answer, "Upload-Complete") == "?1")
                return;
            offset = long.TryParse(Header(answer, "Upload-Offset"), CultureInfo.InvariantCulture, out var received) && received <= content.Length ? received : 0;
        }
        content.Position = offset;
        using var request = new HttpRequestMessage(HttpMethod.Put, Relative(path)) { Content = new StreamContent(content, 128 * 1024) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/octet-stream");
        request.Headers.Add("Upload-Offset", offset.ToString(CultureInfo.InvariantCulture));
        request.Headers.Add("Upload-Length", content.Length.ToString(CultureInfo.InvariantCulture));
        using var done = await SendAsync(request, HttpCompletionOption.ResponseContentRead, cancellationToken).ConfigureAwait(false);
        await EnsureSuccessAsync(done, cancellationToken).ConfigureAwait(false);
    }

    private async IAsyncEnumerable<(long Number, BuildEvent Event)> ReadEventsAsync(string tenant, string build, long after, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, Relative(BuildPath(tenant, build) + "/events"));
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("text/event-stream"));
        request.Headers.Add("Last-Event-ID", after.ToString(CultureInfo.InvariantCulture));
        using var answer = await SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken).ConfigureAwait(false);
        await EnsureSuccessAsync(answer, cancellationToken).ConfigureAwait(false);
        var stream = await answer.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
        await foreach (var item in SseParser.Create(stream, (_, data) => JsonSerializer.Deserialize<BuildEvent>(data, Json)!).EnumerateAsync(cancellationToken).ConfigureAwait(false))
        {
            var number = long.Parse(item.EventId!, CultureInfo.InvariantCulture);
            yield return (number, item.Data);
        }
    }

    private static string BuildPath(string tenant, string build) => $"v1/tenants/{Escape(tenant)}/builds/{Escape(build)}";

    private static string Escape(string text) => Uri.EscapeDataString(text);

    private static Uri Relative(string path) => new(path, UriKind.Relative);

    private static string? Header(HttpResponseMessage answer, string name) => answer.Headers.TryGetValues(name, out var values) ? values.FirstOrDefault() : null;

    /// <summary>All requests go through here. The token goes with each: default headers are not to be changed while others read them.</summary>
    private Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, HttpCompletionOption completion, CancellationToken cancellationToken)
    {
        request.Headers.Authorization = _authorization;
        return _http.SendAsync(request, completion, cancellationToken);
    }

    private Task<T> GetAsync<T>(string path, CancellationToken cancellationToken) => SendAsync<T>(HttpMethod.Get, path, null, null, cancellationToken);

    private async Task DeleteAsync(string path, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Delete, Relative(path));
        using var answer = await SendAsync(request, HttpCompletionOption.ResponseContentRead, cancellationToken).ConfigureAwait(false);
        await EnsureSuccessAsync(answer, cancellationToken).ConfigureAwait(false);
    }

    private async Task<T> SendAsync<T>(HttpMethod method, string path, object? body, Action<HttpRequestMessage>? prepare, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(method, Relative(path)) { Content = body is null ? null : JsonContent.Create(body, body.GetType(), options: Json) };
        prepare?.Invoke(request);
        using var answer = await SendAsync(request, HttpCompletionOption.ResponseContentRead, cancellationToken).ConfigureAwait(false);
        return await ReadAsync<T>(answer, cancellationToken).ConfigureAwait(false);
    }

    private static async Task<T> ReadAsync<T>(HttpResponseMessage answer, CancellationToken cancellationToken)
    {
        await EnsureSuccessAsync(answer, cancellationToken).ConfigureAwait(false);
        return await answer.Content.ReadFromJsonAsync<T>(Json, cancellationToken).ConfigureAwait(false) ?? throw new GridApiException(answer.StatusCode, null);
    }

    private static async Task EnsureSuccessAsync(HttpResponseMessage answer, CancellationToken cancellationToken)
    {
        if (answer.IsSuccessStatusCode)
            return;
        Problem? problem = null;
        if (answer.Content.Headers.ContentType?.MediaType is "application/problem+json" or "application/json")
        {
            try
            {
                problem = await answer.Content.ReadFromJsonAsync<Problem>(Json, cancellationToken).ConfigureAwait(false);
            }
            catch (JsonException)
            {
                // Something between us and the grid answered; the status says what there is to say.
            }
        }
        throw new GridApiException(answer.StatusCode, problem) { RetryAfter = answer.Headers.RetryAfter?.Delta };
    }
}

/// <summary>The API's answer was an error.</summary>
public sealed class GridApiException(HttpStatusCode status, Problem? problem) : Exception(problem?.Detail ?? problem?.Title ?? $"the server answered {(int)status} {status}")
{
    public HttpStatusCode Status { get; } = status;

    /// <summary>What the grid said; null when the answer was not the grid's.</summary>
    public Problem? Problem { get; } = problem;

    /// <summary>When the request can be repeated; null when the server did not say.</summary>
    public TimeSpan? RetryAfter { get; init; }
}
