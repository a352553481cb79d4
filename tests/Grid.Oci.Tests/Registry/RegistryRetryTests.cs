using System.Net;
using Grid.Oci.Images;
using Grid.Oci.Registry;
using Grid.Oci.Tests.Images;

namespace Grid.Oci.Tests.Registry;

/// <summary>What is tried again, what is not, and what a registry may not get away with.</summary>
public sealed class RegistryRetryTests
{
    private static readonly CancellationToken None = CancellationToken.None;

    [Theory]
    [InlineData(HttpStatusCode.InternalServerError)]
    [InlineData(HttpStatusCode.BadGateway)]
    [InlineData(HttpStatusCode.ServiceUnavailable)]
    [InlineData(HttpStatusCode.RequestTimeout)]
    public async Task TransientStatus_IsTriedAgainWithTheSchedule(HttpStatusCode status)
    {
        var left = 3;
        var time = new HastyTime();
        var fake = new FakeRegistry().On(_ => left-- > 0 ? FakeRegistry.Reply("", status) : null).Serve("a/b", TestImages.Build());
        using var store = fake.Store(time: time);

        (await Find(store)).ShouldNotBeNull();

        double[] schedule = [100, 200, 500];
        time.Waits.Count.ShouldBe(3);
        foreach (var (wait, expected) in time.Waits.Zip(schedule))
            wait.TotalMilliseconds.ShouldBeInRange(expected, expected * 1.2);
    }

    [Fact]
    public async Task TransientStatusWithoutEnd_IsReported()
    {
        var fake = new FakeRegistry().On(_ => FakeRegistry.Reply("""{"errors":[{"code":"UNAVAILABLE","message":"disk\u001b[31m full"}]}""", HttpStatusCode.ServiceUnavailable));
        using var store = fake.Store();

        var e = await Should.ThrowAsync<ImageAccessException>(() => Find(store));

        e.Message.ShouldContain("cannot read registry.test/a/b:1: registry registry.test answered 503 ServiceUnavailable (UNAVAILABLE: disk [31m full)");
        fake.Requests.Count.ShouldBe(6);
    }

    [Theory]
    [InlineData(HttpStatusCode.BadRequest)]
    [InlineData(HttpStatusCode.Forbidden)]
    [InlineData(HttpStatusCode.MethodNotAllowed)]
    [InlineData(HttpStatusCode.NotImplemented)]
    public async Task FinalStatus_IsNotTriedAgain(HttpStatusCode status)
    {
        var fake = new FakeRegistry().On(_ => FakeRegistry.Reply("", status));
        using var store = fake.Store();

        (await Should.ThrowAsync<ImageAccessException>(() => Find(store))).Status.ShouldBe(status);
        fake.Requests.Count.ShouldBe(1);
    }

    [Fact]
    public async Task RetryAfter_IsObeyed_ButNotForEver()
    {
        var seconds = 7;
        var left = 1;
        var time = new HastyTime();
        var fake = new FakeRegistry().On(_ =>
        {
            if (left-- <= 0)
                return null;
            var response = FakeRegistry.Reply("", HttpStatusCode.TooManyRequests);
            response.Headers.RetryAfter = new(TimeSpan.FromSeconds(seconds));
            return response;
        }).Serve("a/b", TestImages.Build());
        using var store = fake.Store(time: time);

        (await Find(store)).ShouldNotBeNull();
        time.Waits.ShouldBe([TimeSpan.FromSeconds(7)]);

        (seconds, left) = (3600, 1);
        (await Should.ThrowAsync<ImageAccessException>(() => Find(store))).Status.ShouldBe(HttpStatusCode.TooManyRequests);
    }

    [Fact]
    public async Task LostConnection_IsTriedAgain()
    {
        var left = 2;
        var fake = new FakeRegistry().On(_ => left-- > 0 ? throw new HttpRequestException("reset", new IOException("connection reset by peer")) : null).Serve("a/b", TestImages.Build());
        using var store = fake.Store();

        (await Find(store)).ShouldNotBeNull();
    }

    [Fact]
    public async Task SilentRegistry_IsGivenUpAfterTheIdleTimeout()
    {
        using var store = new RegistryImageStore(
            new RegistryOptions { IdleTimeout = TimeSpan.FromMilliseconds(30), RetryDelays = [] }, new AnonymousCredentials(), new Silence());

        (await Should.ThrowAsync<ImageAccessException>(() => Find(store))).Message.ShouldContain("silent");
    }

    [Fact]
    public async Task Cancellation_IsNotARegistryError()
    {
        using var cancel = new CancellationTokenSource();
        using var store = new RegistryImageStore(new RegistryOptions(), new AnonymousCredentials(), new Silence());
        var finding = store.FindAsync(ImageLocation.Parse("registry.test/a/b:1"), TestImages.Amd64, cancel.Token);

        await cancel.CancelAsync();

        await Should.ThrowAsync<OperationCanceledException>(() => finding);
    }

    [Fact]
    public async Task BrokenDownload_GoesOnWhereItStopped()
    {
        var bytes = new byte[50_000];
        new Random(3).NextBytes(bytes);
        var descriptor = new Descriptor(MediaTypes.OciLayerGzip, Digest.Compute(bytes), bytes.Length);
        var image = TestImages.Build(0);
        var fake = new FakeRegistry().On(request => !request.Url.AbsolutePath.EndsWith(descriptor.Digest.Hex, StringComparison.Ordinal) ? null
            : request.Range is null ? Part(bytes[..20_000], bytes.Length, null)
            : request.Range == "bytes=20000-" ? Part(bytes[20_000..45_000], 30_000, 20_000)
            : FakeRegistry.Reply(bytes, "application/octet-stream")).Serve("a/b", image);
        using var store = fake.Store();
        var found = (await Find(store))!;

        TestImages.Read(found.Blobs, descriptor).ShouldBe(bytes);

        fake.Requests.Select(request => request.Range).OfType<string>().ShouldBe(["bytes=20000-", "bytes=45000-"]);
    }

    [Fact]
    public async Task BrokenUpload_GoesOnWhereItStopped()
    {
        var blobs = new MemoryBlobs();
        var bytes = new byte[200_000];
        new Random(4).NextBytes(bytes);
        var layer = TestImages.AddLayer(blobs, "big", bytes);
        var content = ImageBuilder.FromScratch(TestImages.Amd64).AddLayer(layer, blobs).Build();
        var fake = new ResumableRegistry(breakAfter: 70_000);
        using var store = fake.Handler.Store(new RegistryOptions { ResumableUploadBytes = 10_000 });

        await store.PushAsync(content, ImageLocation.Parse("registry.test/a/b:1"), null, None);

        fake.Uploaded.ShouldBe(TestImages.Read(blobs, layer.Blob));
        fake.Handler.Requests.Select(request => request.ContentRange).OfType<string>().ShouldBe([$"70000-{layer.Blob.Size - 1}"]);
    }

    [Fact]
    public async Task Push_OfALayerThatCannotBeRead_SaysSoAndIsNotTriedAgain()
    {
        var blobs = new MemoryBlobs();
        var wrong = new Layer(new Descriptor(MediaTypes.OciLayerGzip, Digest.Compute("other"u8), 5), Digest.Compute("x"u8));
        var content = ImageBuilder.FromScratch(TestImages.Amd64).AddLayer(wrong, new Lying()).Build();
        var fake = new ResumableRegistry(breakAfter: int.MaxValue);
        using var store = fake.Handler.Store();

        await Should.ThrowAsync<BlobMismatchException>(() => store.PushAsync(content, ImageLocation.Parse("registry.test/a/b:1"), null, None));

        fake.Handler.Requests.ShouldNotContain(request => request.Url.AbsolutePath.Contains("/manifests/"));
    }

    [Theory]
    [InlineData("""{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","layers":[],"manifests":[]}""", MediaTypes.OciManifest, "both 'layers' and 'manifests'")]
    [InlineData("""{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}""", MediaTypes.OciManifest, "calls itself")]
    [InlineData("""{"schemaVersion":2,"layers":[]}""", "application/json", "no media type")]
    [InlineData("""{"schemaVersion":2,"Layers":[],"layers":[]}""", MediaTypes.OciManifest, "would take for 'layers'")]
    [InlineData("""{"schemaVersion":2,"layers":[],"layers":[]}""", MediaTypes.OciManifest, "not valid JSON")]
    [InlineData("""{"schemaVersion":1}""", "application/vnd.docker.distribution.manifest.v1+prettyjws", "schema 1")]
    [InlineData("""<html>""", "text/html", "not valid JSON")]
    [InlineData("""{}""", "text/html", "not a container image")]
    [InlineData("""{"schemaVersion":2,"config":{"mediaType":"x","digest":"sha256:../../etc/passwd","size":1},"layers":[]}""", MediaTypes.OciManifest, "not a sha256 digest")]
    [InlineData("""{"schemaVersion":2,"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"","size":1},"layers":[]}""", MediaTypes.OciManifest, "lacks")]
    [InlineData("""{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:0000000000000000000000000000000000000000000000000000000000000000","size":1,"platform":{"os":"linux","architecture":"s390x"}}]}""", MediaTypes.OciIndex, "no image for linux/amd64; it has linux/s390x")]
    public async Task HostileManifest_IsRefused(string manifest, string type, string message)
    {
        var fake = new FakeRegistry().On(_ => FakeRegistry.Reply(System.Text.Encoding.UTF8.GetBytes(manifest), type));
        using var store = fake.Store();

        (await Should.ThrowAsync<ImageFormatException>(() => Find(store))).Message.ShouldContain(message);
    }

    [Fact]
    public async Task ManifestWithoutEnd_IsRefused()
    {
        var fake = new FakeRegistry().On(_ => FakeRegistry.Reply(new byte[5 << 20], MediaTypes.OciManifest));
        using var store = fake.Store();

        (await Should.ThrowAsync<ImageFormatException>(() => Find(store))).Message.ShouldContain("more than");
    }

    [Fact]
    public async Task OtherContentThanTheDigestAskedFor_IsRefused()
    {
        var fake = new FakeRegistry().Serve("a/b", TestImages.Build());
        using var store = fake.Store();
        var pinned = ImageLocation.Parse($"registry.test/a/b@{Digest.Compute("else"u8)}");

        await Should.ThrowAsync<BlobMismatchException>(() => store.FindAsync(pinned, TestImages.Amd64, None));
    }

    [Fact]
    public async Task BlobWithOtherContent_IsRefused()
    {
        var image = TestImages.Build();
        var fake = new FakeRegistry().On(request => request.Url.AbsolutePath.Contains("/blobs/") ? FakeRegistry.Reply(new byte[image.Config.Length], "a/b") : null).Serve("a/b", image);
        using var store = fake.Store();

        await Should.ThrowAsync<BlobMismatchException>(() => Find(store));
    }

    [Fact]
    public async Task SilenceInTheMiddleOfABlob_IsTakenForABreak()
    {
        var bytes = new byte[50_000];
        new Random(5).NextBytes(bytes);
        var descriptor = new Descriptor(MediaTypes.OciLayerGzip, Digest.Compute(bytes), bytes.Length);
        var fake = new FakeRegistry().On(request => !request.Url.AbsolutePath.EndsWith(descriptor.Digest.Hex, StringComparison.Ordinal) ? null
            : request.Range is null ? Stalling(bytes[..20_000], bytes.Length)
            : Part(bytes[20_000..], 30_000, 20_000)).Serve("a/b", TestImages.Build(0));
        using var store = fake.Store(new RegistryOptions { IdleTimeout = TimeSpan.FromSeconds(1) });
        var found = (await Find(store))!;

        TestImages.Read(found.Blobs, descriptor).ShouldBe(bytes);
    }

    [Fact]
    public async Task PlainHttp_IsSpokenOnlyToRegistriesListedAsInsecure()
    {
        static FakeRegistry OnlyPlain() => new FakeRegistry()
            .On(request => request.Url.Scheme == "https" ? throw new HttpRequestException("no TLS here", new IOException("handshake")) : null)
            .Serve("a/b", TestImages.Build());
        var (listed, unlisted) = (OnlyPlain(), OnlyPlain());
        using var lenient = listed.Store(new RegistryOptions { Insecure = ["registry.test"] });
        using var strict = unlisted.Store(new RegistryOptions { Insecure = ["registry.test:5000", "test"] });

        (await Find(lenient)).ShouldNotBeNull();
        (await Should.ThrowAsync<ImageAccessException>(() => Find(strict))).Message.ShouldContain("listed as insecure");

        listed.Requests.ShouldContain(request => request.Url.Scheme == "http");
        unlisted.Requests.ShouldAllBe(request => request.Url.Scheme == "https");
    }

    private static HttpResponseMessage Stalling(byte[] bytes, int promised)
    {
        var content = new StreamContent(new StallingStream(bytes));
        content.Headers.ContentLength = promised;
        return new HttpResponseMessage(HttpStatusCode.OK) { Content = content };
    }

    private static Task<Image?> Find(RegistryImageStore store) => store.FindAsync(ImageLocation.Parse("registry.test/a/b:1"), TestImages.Amd64, None);

    private static HttpResponseMessage Part(byte[] bytes, int promised, long? from)
    {
        var content = new StreamContent(new MemoryStream(bytes));
        content.Headers.ContentLength = promised;
        if (from is { } start)
            content.Headers.ContentRange = new(start, start + promised - 1, start + promised);
        return new HttpResponseMessage(from is null ? HttpStatusCode.OK : HttpStatusCode.PartialContent) { Content = content };
    }

    private sealed class Silence : HttpMessageHandler
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            await Task.Delay(Timeout.Infinite, cancellationToken);
            throw new InvalidOperationException();
        }
    }

    /// <summary>Gives its bytes and then nothing, not even an end.</summary>
    private sealed class StallingStream(byte[] bytes) : MemoryStream(bytes)
    {
        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (Position == Length)
                await Task.Delay(Timeout.Infinite, cancellationToken);
            return await base.ReadAsync(buffer, cancellationToken);
        }
    }

    private sealed class Lying : IBlobSource
    {
        public Task<Stream> OpenAsync(Descriptor blob, CancellationToken cancellationToken) => Task.FromResult<Stream>(new MemoryStream("wrong"u8.ToArray()));
    }

    /// <summary>Takes uploads, breaks the first PATCH after so many bytes, and tells how much it has.</summary>
    private sealed class ResumableRegistry
    {
        private readonly List<byte> _data = [];
        private int _patches;

        public ResumableRegistry(int breakAfter)
        {
            Handler = new FakeRegistry().On(request => Answer(request, breakAfter));
        }

        public FakeRegistry Handler { get; }

        public byte[] Uploaded => [.. _data];

        private HttpResponseMessage? Answer(Seen request, int breakAfter)
        {
            var upload = request.Url.AbsolutePath == "/upload";
            if (request.Method == HttpMethod.Post || (upload && request.Method == HttpMethod.Get))
                return Located(request.Method == HttpMethod.Post ? HttpStatusCode.Accepted : HttpStatusCode.NoContent);
            if (upload && request.Method == HttpMethod.Patch)
            {
                if (_patches++ == 0)
                {
                    _data.AddRange(request.Body.Take(breakAfter));
                    throw new HttpRequestException("reset", new IOException("reset"));
                }
                _data.AddRange(request.Body);
                return Located(HttpStatusCode.Accepted);
            }
            return request.Method == HttpMethod.Put ? new HttpResponseMessage(HttpStatusCode.Created) : null;
        }

        private HttpResponseMessage Located(HttpStatusCode status)
        {
            var response = new HttpResponseMessage(status) { Headers = { Location = new Uri("/upload?id=1", UriKind.Relative) } };
            response.Headers.TryAddWithoutValidation("Range", $"0-{_data.Count - 1}");
            return response;
        }
    }
}
