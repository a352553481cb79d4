using System.Net;
using System.Text;
using Grid.Oci.Images;
using Grid.Oci.Registry;
using Grid.Oci.Tests.Images;

namespace Grid.Oci.Tests.Registry;

/// <summary>
/// Answers requests in the test's own words: handlers are asked in order, and the first that answers wins. Every request is kept.
/// </summary>
internal sealed class FakeRegistry : HttpMessageHandler
{
    private readonly List<Func<Seen, HttpResponseMessage?>> _handlers = [];
    private readonly List<Seen> _seen = [];

    public IReadOnlyList<Seen> Requests
    {
        get
        {
            lock (_seen)
                return [.. _seen];
        }
    }

    /// <summary>The requests that carried any authorization, as "METHOD url".</summary>
    public IEnumerable<Uri> Authorized => Requests.Where(request => request.Authorization is not null).Select(request => request.Url);

    public FakeRegistry On(Func<Seen, HttpResponseMessage?> handler)
    {
        _handlers.Add(handler);
        return this;
    }

    /// <summary>Gives an image under <c>/v2/REPOSITORY</c>, for any tag.</summary>
    public FakeRegistry Serve(string repository, ImageContent image)
    {
        var blobs = new Dictionary<string, ReadOnlyMemory<byte>> { [image.ConfigDescriptor.Digest.ToString()] = image.Config };
        foreach (var layer in image.Layers)
            blobs[layer.Layer.Blob.Digest.ToString()] = TestImages.Read(layer.Blobs, layer.Layer.Blob);
        return On(request => request.Method == HttpMethod.Get && request.Url.AbsolutePath.StartsWith($"/v2/{repository}/manifests/", StringComparison.Ordinal)
            ? Reply(image.Manifest, image.ManifestMediaType)
            : request.Method == HttpMethod.Get && request.Url.AbsolutePath.StartsWith($"/v2/{repository}/blobs/", StringComparison.Ordinal) && blobs.TryGetValue(request.Url.Segments[^1], out var blob)
                ? Reply(blob, "application/octet-stream")
                : null);
    }

    public RegistryImageStore Store(RegistryOptions? options = null, ICredentialStore? credentials = null, TimeProvider? time = null) =>
        new(options ?? new RegistryOptions(), credentials ?? new AnonymousCredentials(), this, time ?? new HastyTime());

    public static HttpResponseMessage Reply(ReadOnlyMemory<byte> content, string mediaType) =>
        new(HttpStatusCode.OK) { Content = new ReadOnlyMemoryContent(content) { Headers = { ContentType = new(mediaType) } } };

    public static HttpResponseMessage Reply(string json, HttpStatusCode status = HttpStatusCode.OK) =>
        new(status) { Content = new StringContent(json, Encoding.UTF8, "application/json") };

    public static HttpResponseMessage Redirect(string location) =>
        new(HttpStatusCode.TemporaryRedirect) { Headers = { Location = new Uri(location, UriKind.RelativeOrAbsolute) } };

    public static HttpResponseMessage Challenge(string value)
    {
        var response = Reply("""{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}""", HttpStatusCode.Unauthorized);
        response.Headers.TryAddWithoutValidation("WWW-Authenticate", value);
        return response;
    }

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var body = request.Content is null ? [] : await request.Content.ReadAsByteArrayAsync(cancellationToken);
        var seen = new Seen(
            request.Method, request.RequestUri!, request.Headers.Authorization?.ToString(), request.Headers.Range?.ToString(),
            request.Content?.Headers.TryGetValues("Content-Range", out var range) == true ? range.Single() : null, body);
        lock (_seen)
            _seen.Add(seen);
        foreach (var handler in _handlers)
        {
            if (handler(seen) is { } response)
                return response;
        }
        return Reply("""{"errors":[{"code":"NOT_FOUND","message":"nothing here"}]}""", HttpStatusCode.NotFound);
    }
}

/// <summary>A request as it arrived.</summary>
internal sealed record Seen(HttpMethod Method, Uri Url, string? Authorization, string? Range, string? ContentRange, byte[] Body);

/// <summary>Time in which every wait is over at once; the waits are kept.</summary>
internal sealed class HastyTime : TimeProvider
{
    private readonly List<TimeSpan> _waits = [];

    public IReadOnlyList<TimeSpan> Waits
    {
        get
        {
            lock (_waits)
                return [.. _waits];
        }
    }

    /// <summary>What is added to the real time.</summary>
    public TimeSpan Ahead { get; set; }

    public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + Ahead;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        if (dueTime > TimeSpan.Zero)
        {
            lock (_waits)
                _waits.Add(dueTime);
        }
        return base.CreateTimer(callback, state, dueTime > TimeSpan.Zero ? TimeSpan.Zero : dueTime, period);
    }
}
