using System.Net;
using System.Net.Http.Headers;
using System.Runtime.ExceptionServices;
using Grid.Oci.Images;

namespace Grid.Oci.Registry;

/// <summary>One blob on its way into one repository: mounted, sent at once, or sent so that a break is not the end (distribution-spec §Push).</summary>
internal sealed class BlobUpload(RegistryTransport transport, ImageReference target, LayerSource layer, IProgress<PushProgress>? progress)
{
    private readonly Descriptor _blob = layer.Layer.Blob;
    private readonly string _scope = RegistryCall.Push(target.Repository);
    private readonly string _what = $"upload {layer.Layer.Blob.Digest} to {target.Name}";
    private Uri? _location;
    private ExceptionDispatchInfo? _unreadable;
    private bool _mounted;

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        if (await ExistsAsync(cancellationToken))
        {
            progress?.Report(new PushProgress(_blob, PushStep.Exists, 0));
            return;
        }
        var sending = transport.Retries.RunAsync(AttemptAsync, cancellationToken);
        using var response = await RegistryTransport.GuardAsync(target.Registry, _what, sending, cancellationToken);
        if (response.StatusCode is not (HttpStatusCode.Created or HttpStatusCode.NoContent))
            throw await RegistryErrors.FromAsync(response, target.Registry, _what, cancellationToken);
        progress?.Report(_mounted ? new PushProgress(_blob, PushStep.Mounted, 0) : new PushProgress(_blob, PushStep.Sent, _blob.Size));
    }

    private async Task<bool> ExistsAsync(CancellationToken cancellationToken)
    {
        var call = new RegistryCall(HttpMethod.Head, target.Registry, $"/v2/{target.Repository}/blobs/{_blob.Digest}") { Scope = _scope };
        using var response = await transport.SendAsync(call, _what, cancellationToken);
        return response.StatusCode switch
        {
            HttpStatusCode.OK => true,
            HttpStatusCode.NotFound => false,
            _ => throw await RegistryErrors.FromAsync(response, target.Registry, _what, cancellationToken),
        };
    }

    private async Task<HttpResponseMessage> AttemptAsync(CancellationToken cancellationToken)
    {
        long offset = 0;
        if (_location is not null && await OffsetAsync(cancellationToken) is { } known)
            offset = known;
        else if (await StartAsync(cancellationToken) is { } final)
            return final;
        try
        {
            return await SendAsync(offset, cancellationToken);
        }
        catch (Exception e) when (e is HttpRequestException or IOException && _unreadable is { } failure)
        {
            failure.Throw();
            throw;
        }
    }

    private async Task<HttpResponseMessage> SendAsync(long offset, CancellationToken cancellationToken)
    {
        var location = _location!;
        if (_blob.Size <= transport.Options.ResumableUploadBytes)
        {
            _location = null;
            return await transport.SendOnceAsync(Commit(location) with { Body = Body(0) }, cancellationToken);
        }
        if (offset < _blob.Size)
        {
            var response = await transport.SendOnceAsync(Call(HttpMethod.Patch, location) with { Body = Body(offset) }, cancellationToken);
            if (response.StatusCode is not (HttpStatusCode.Accepted or HttpStatusCode.NoContent or HttpStatusCode.Created))
                return response;
            _location = location = LocationOf(response, location);
            response.Dispose();
        }
        return await transport.SendOnceAsync(Commit(location) with { Body = _ => new ByteArrayContent([]) }, cancellationToken);
    }

    // Mounts or opens an upload; an answer that ends the attempt is given back.
    private async Task<HttpResponseMessage?> StartAsync(CancellationToken cancellationToken)
    {
        var path = $"/v2/{target.Repository}/blobs/uploads/";
        var from = layer.Origin is ImageLocation.Registry { Reference: var origin } && origin.Registry == target.Registry
            && origin.Repository != target.Repository
            ? origin.Repository
            : null;
        if (from is not null)
        {
            var mount = new RegistryCall(HttpMethod.Post, target.Registry, $"{path}?mount={_blob.Digest}&from={Uri.EscapeDataString(from)}")
            {
                Scope = _scope + " " + RegistryCall.Pull(from),
                Body = _ => new ByteArrayContent([]),
            };
            if (await TryMountAsync(mount, cancellationToken) is { } mounted)
            {
                _mounted = true;
                return mounted;
            }
            if (_location is not null)
                return null;
        }
        var start = new RegistryCall(HttpMethod.Post, target.Registry, path) { Scope = _scope, Body = _ => new ByteArrayContent([]) };
        var response = await transport.SendOnceAsync(start, cancellationToken);
        if (response.StatusCode != HttpStatusCode.Accepted)
            return response;
        _location = LocationOf(response, null);
        response.Dispose();
        return null;
    }

    // A registry that does not mount, or does not let us read the other repository, takes the bytes instead.
    private async Task<HttpResponseMessage?> TryMountAsync(RegistryCall mount, CancellationToken cancellationToken)
    {
        try
        {
            var response = await transport.SendOnceAsync(mount, cancellationToken);
            if (response.StatusCode == HttpStatusCode.Created)
                return response;
            if (response.StatusCode == HttpStatusCode.Accepted)
                _location = LocationOf(response, null);
            response.Dispose();
            return null;
        }
        catch (ImageAccessException e) when (e.IsDenied)
        {
            return null;
        }
    }

    // GET on an upload tells how much of it has arrived: "Range: 0-<last byte>". Null: it is gone, start anew.
    private async Task<long?> OffsetAsync(CancellationToken cancellationToken)
    {
        using var response = await transport.SendOnceAsync(Call(HttpMethod.Get, _location!), cancellationToken);
        if (response.StatusCode is not (HttpStatusCode.NoContent or HttpStatusCode.Accepted or HttpStatusCode.OK))
        {
            _location = null;
            return null;
        }
        _location = LocationOf(response, _location);
        var range = response.Headers.TryGetValues("Range", out var values)
            ? values.FirstOrDefault()
            : response.Content.Headers.TryGetValues("Range", out values) ? values.FirstOrDefault() : null;
        var last = range?.Split('-').LastOrDefault();
        // Distribution writes "0-0" for nothing as well as for one byte; sending that byte again would be refused, so such an upload is started anew.
        if (!long.TryParse(last, out var end) || end <= 0 || end >= _blob.Size)
        {
            _location = null;
            return null;
        }
        return end + 1;
    }

    private RegistryCall Call(HttpMethod method, Uri location) => new(method, target.Registry, "") { Location = location, Scope = _scope };

    private RegistryCall Commit(Uri location) =>
        Call(HttpMethod.Put, WithDigest(location)) with { Patience = transport.Options.CommitTimeout };

    private Func<Action, HttpContent> Body(long offset) => alive =>
    {
        var body = new BlobContent(_blob, layer.Blobs, offset, at =>
        {
            alive();
            progress?.Report(new PushProgress(_blob, PushStep.Sending, at));
        }, failure => _unreadable = failure);
        body.Headers.ContentType = new MediaTypeHeaderValue("application/octet-stream");
        if (offset > 0)
            body.Headers.TryAddWithoutValidation("Content-Range", $"{offset}-{_blob.Size - 1}");
        return body;
    };

    private Uri WithDigest(Uri location) =>
        new UriBuilder(location) { Query = (location.Query.Length > 1 ? location.Query[1..] + "&" : "") + $"digest={_blob.Digest}" }.Uri;

    private Uri LocationOf(HttpResponseMessage response, Uri? fallback)
    {
        return RegistryTransport.LocationOf(response) ?? fallback
            ?? throw new ImageAccessException(
                $"cannot {_what}: registry {target.Registry} accepted the upload but names no location for it; check its configuration");
    }
}
