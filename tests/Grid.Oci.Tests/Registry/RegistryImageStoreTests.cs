using System.Net;
using System.Text;
using System.Text.Json;
using Grid.Oci.Images;
using Grid.Oci.Layouts;
using Grid.Oci.Registry;
using Grid.Oci.Tests.Images;

namespace Grid.Oci.Tests.Registry;

/// <summary>Against the reference registry.</summary>
public sealed class RegistryImageStoreTests
{
    private static readonly CancellationToken None = CancellationToken.None;

    [Fact]
    public async Task Push_ThenFind_GivesASoundImageWithTheSameDigest()
    {
        await using var registry = await RegistryProcess.StartAsync();
        using var store = Store();
        var content = TestImages.Build();
        var reports = new Reports();

        var pinned = await store.PushAsync(content, registry.Image("team/app:1"), reports, None);
        var image = await store.FindAsync(registry.Image("team/app:1"), TestImages.Amd64, None);

        pinned.ToString().ShouldBe($"{registry.Host}/team/app:1@{content.Digest}");
        image.ShouldNotBeNull();
        image.Manifest.Digest.ShouldBe(content.Digest);
        image.Pinned(registry.Image("team/app:1")).ShouldBe(pinned);
        image.Config.Config.Labels!["greeting"].ShouldBe("""{"hello":"world"}""");
        (await ImageValidator.ValidateAsync(image, None)).ShouldBeEmpty();
        reports.Ends.ShouldBe([PushStep.Sent, PushStep.Sent, PushStep.Sent], ignoreOrder: true);
        (await store.FindAsync(pinned, TestImages.Amd64, None)).ShouldNotBeNull();
    }

    [Fact]
    public async Task Push_Again_SendsNothing()
    {
        await using var registry = await RegistryProcess.StartAsync();
        using var store = Store();
        await store.PushAsync(TestImages.Build(), registry.Image("app:1"), null, None);

        var reports = new Reports();
        await store.PushAsync(TestImages.Build(), registry.Image("app:2"), reports, None);

        reports.Ends.ShouldAllBe(step => step == PushStep.Exists);
    }

    [Fact]
    public async Task Push_OfLayersInAnotherRepositoryOfTheRegistry_MountsThem()
    {
        await using var registry = await RegistryProcess.StartAsync();
        using var store = Store();
        var source = registry.Image("bases/one:1");
        await store.PushAsync(TestImages.Build(), source, null, None);
        var image = (await store.FindAsync(source, TestImages.Amd64, None))!;
        var content = ImageBuilder.From(image with { Blobs = new Unreadable() }, source).SetLabel("more", "x").Build();

        var reports = new Reports();
        await store.PushAsync(content, registry.Image("apps/two:1"), reports, None);

        reports.Ends.ShouldBe([PushStep.Mounted, PushStep.Mounted, PushStep.Sent], ignoreOrder: true);
        var pushed = (await store.FindAsync(registry.Image("apps/two:1"), TestImages.Amd64, None))!;
        (await ImageValidator.ValidateAsync(pushed, None)).ShouldBeEmpty();
    }

    [Fact]
    public async Task Push_OfALargeLayer_StreamsAndComesBackWhole()
    {
        await using var registry = await RegistryProcess.StartAsync();
        using var store = Store(new RegistryOptions { ResumableUploadBytes = 1000 });
        var bytes = new byte[3_000_000];
        new Random(7).NextBytes(bytes);
        var blobs = new MemoryBlobs();
        var content = ImageBuilder.FromScratch(TestImages.Amd64).AddLayer(TestImages.AddLayer(blobs, "big", bytes), blobs).Build();

        await store.PushAsync(content, registry.Image("big:1"), null, None);

        var image = (await store.FindAsync(registry.Image("big:1"), TestImages.Amd64, None))!;
        (await ImageValidator.ValidateAsync(image, None)).ShouldBeEmpty();
        registry.OpenUploads("big").ShouldBe(0);
    }

    [Fact]
    public async Task Push_BrokenOffInTheMiddle_ArrivesWhole()
    {
        await using var registry = await RegistryProcess.StartAsync();
        var wire = new BreakingWire(new SocketsHttpHandler { AllowAutoRedirect = false }, breakAfter: 1_200_000);
        using var store = new RegistryImageStore(new RegistryOptions { ResumableUploadBytes = 1000 }, new AnonymousCredentials(), wire);
        var bytes = new byte[3_000_000];
        new Random(8).NextBytes(bytes);
        var blobs = new MemoryBlobs();
        var content = ImageBuilder.FromScratch(TestImages.Amd64).AddLayer(TestImages.AddLayer(blobs, "big", bytes), blobs).Build();

        await store.PushAsync(content, registry.Image("big:1"), null, None);

        // This registry's upload URLs hold a signed offset, so it cannot go on after a break: the upload is started anew.
        wire.Patches.ShouldBe(2);
        var image = (await store.FindAsync(registry.Image("big:1"), TestImages.Amd64, None))!;
        (await ImageValidator.ValidateAsync(image, None)).ShouldBeEmpty();
    }

    [Fact]
    public async Task Push_OfOneImageTwiceAtOnce_UploadsEachBlobOnce()
    {
        await using var registry = await RegistryProcess.StartAsync();
        using var store = Store();
        var reports = new Reports();

        await Task.WhenAll(Enumerable.Range(0, 6).Select(i => store.PushAsync(TestImages.Build(), registry.Image($"app:{i}"), reports, None)));

        reports.Ends.Count(step => step == PushStep.Sent).ShouldBe(3);
    }

    [Fact]
    public async Task Find_OfWhatIsNotThere_IsNull()
    {
        await using var registry = await RegistryProcess.StartAsync();
        using var store = Store();
        await store.PushAsync(TestImages.Build(), registry.Image("app:1"), null, None);

        (await store.FindAsync(registry.Image("nothing:1"), TestImages.Amd64, None)).ShouldBeNull();
        (await store.FindAsync(registry.Image("app:2"), TestImages.Amd64, None)).ShouldBeNull();
        (await store.FindAsync(registry.Image($"app@{Digest.Compute("x"u8)}"), TestImages.Amd64, None)).ShouldBeNull();
    }

    [Fact]
    public async Task CheckWrite_LeavesNoUploadBehind()
    {
        await using var registry = await RegistryProcess.StartAsync();
        using var store = Store();

        await store.CheckWriteAsync(registry.Image("team/app:1"), None);

        registry.OpenUploads("team/app").ShouldBe(0);
    }

    [Fact]
    public async Task BasicAuthentication_WithTheRightPassword_Works_AndOtherwiseSaysWhatToDo()
    {
        await using var registry = await RegistryProcess.StartAsync(auth: true);
        using var allowed = Store(credentials: Login(registry.Host, RegistryProcess.Password));
        using var wrong = Store(credentials: Login(registry.Host, "wrong-canary"));
        using var anonymous = Store();

        await allowed.PushAsync(TestImages.Build(), registry.Image("app:1"), null, None);
        (await allowed.FindAsync(registry.Image("app:1"), TestImages.Amd64, None)).ShouldNotBeNull();

        var refused = await Should.ThrowAsync<ImageAccessException>(() => wrong.FindAsync(registry.Image("app:1"), TestImages.Amd64, None));
        refused.Status.ShouldBe(HttpStatusCode.Unauthorized);
        refused.Message.ShouldContain($"docker login {registry.Host}");
        refused.ToString().ShouldNotContain("wrong-canary");
        (await Should.ThrowAsync<ImageAccessException>(() => anonymous.CheckWriteAsync(registry.Image("app:1"), None))).IsDenied.ShouldBeTrue();
        (await Should.ThrowAsync<ImageAccessException>(() => anonymous.PushAsync(TestImages.Build(), registry.Image("app:1"), null, None))).IsDenied.ShouldBeTrue();
    }

    [Fact]
    public async Task WhatWePush_SkopeoReads()
    {
        ExternalTool.Require("skopeo");
        await using var registry = await RegistryProcess.StartAsync();
        using var directory = new TemporaryDirectory();
        using var store = Store();
        var content = TestImages.Build(3);
        await store.PushAsync(content, registry.Image("app:1"), null, None);

        var inspected = JsonDocument.Parse(await ExternalTool.RunAsync("skopeo", "inspect", "--tls-verify=false", $"docker://{registry.Host}/app:1")).RootElement;
        await ExternalTool.RunAsync("skopeo", "--insecure-policy", "copy", "-q", "--src-tls-verify=false", $"docker://{registry.Host}/app:1", $"oci:{directory["out"]}:x");

        inspected.GetProperty("Digest").GetString().ShouldBe(content.Digest.ToString());
        inspected.GetProperty("Layers").GetArrayLength().ShouldBe(3);
        var copied = (await new LayoutImageStore().FindAsync(ImageLocation.Parse($"oci:{directory["out"]}:x"), TestImages.Amd64, None))!;
        copied.Manifest.Digest.ShouldBe(content.Digest);
        (await ImageValidator.ValidateAsync(copied, None)).ShouldBeEmpty();
    }

    [Fact]
    public async Task WhatSkopeoPushesInDockersFormat_WeReadAndKeepInItsFamily()
    {
        ExternalTool.Require("skopeo");
        await using var registry = await RegistryProcess.StartAsync();
        using var directory = new TemporaryDirectory();
        using var store = Store();
        await new LayoutImageStore().PushAsync(TestImages.Build(), ImageLocation.Parse($"oci:{directory["in"]}:x"), null, None);
        await ExternalTool.RunAsync(
            "skopeo", "--insecure-policy", "copy", "-q", "--format=v2s2", "--dest-tls-verify=false", $"oci:{directory["in"]}:x", $"docker://{registry.Host}/app:1");

        var image = (await store.FindAsync(registry.Image("app:1"), TestImages.Amd64, None))!;
        var blobs = new MemoryBlobs();
        var content = ImageBuilder.From(image, registry.Image("app:1")).AddLayer(TestImages.AddLayer(blobs, "more", "more"), blobs, history: new HistoryEntry()).Build();
        await store.PushAsync(content, registry.Image("app:2"), null, None);

        image.Manifest.MediaType.ShouldBe(MediaTypes.DockerManifest);
        var manifest = ImageDocuments.ReadManifest(content.Manifest, "app");
        manifest.MediaType.ShouldBe(MediaTypes.DockerManifest);
        manifest.Config.MediaType.ShouldBe(MediaTypes.DockerConfig);
        manifest.Layers.ShouldAllBe(layer => layer.MediaType == MediaTypes.DockerLayerGzip);
        (await ImageValidator.ValidateAsync((await store.FindAsync(registry.Image("app:2"), TestImages.Amd64, None))!, None)).ShouldBeEmpty();
        await ExternalTool.RunAsync("skopeo", "inspect", "--tls-verify=false", $"docker://{registry.Host}/app:2");
    }

    [Fact]
    public async Task Copy_FromRegistryToLayoutAndBack_KeepsTheDigest()
    {
        await using var registry = await RegistryProcess.StartAsync();
        using var directory = new TemporaryDirectory();
        using var store = Store();
        var stores = new ImageStores([store, new LayoutImageStore()]);
        var content = TestImages.Build();
        await stores.PushAsync(content, registry.Image("app:1"), null, None);

        var layout = ImageLocation.Parse($"oci:{directory["x"]}:1");
        var image = (await stores.FindAsync(registry.Image("app:1"), TestImages.Amd64, None))!;
        await stores.PushAsync(await ImageContent.CopyAsync(image, registry.Image("app:1"), None), layout, null, None);
        var back = (await stores.FindAsync(layout, TestImages.Amd64, None))!;
        await stores.PushAsync(await ImageContent.CopyAsync(back, layout, None), registry.Image("other:1"), null, None);

        (await stores.FindAsync(registry.Image("other:1"), TestImages.Amd64, None))!.Manifest.Digest.ShouldBe(content.Digest);
    }

    [Fact]
    public async Task Find_WhenNobodyListens_SaysThatItCannotBeReached()
    {
        using var store = Store(new RegistryOptions { RetryDelays = [] });

        var e = await Should.ThrowAsync<ImageAccessException>(() => store.FindAsync(ImageLocation.Parse("127.0.0.1:9/app"), TestImages.Amd64, None));

        e.Message.ShouldContain("registry 127.0.0.1:9 cannot be reached");
        e.Status.ShouldBeNull();
    }

    private static RegistryImageStore Store(RegistryOptions? options = null, ICredentialStore? credentials = null) =>
        new(options ?? new RegistryOptions(), credentials ?? new AnonymousCredentials());

    private static DockerConfigCredentials Login(string host, string password) =>
        new(null, $$"""{"{{host}}":"Basic {{Convert.ToBase64String(Encoding.UTF8.GetBytes($"{RegistryProcess.User}:{password}"))}}"}""");

    private sealed class Unreadable : IBlobSource
    {
        public Task<Stream> OpenAsync(Descriptor blob, CancellationToken cancellationToken) => throw new BlobNotFoundException("nobody should read this blob");
    }

    /// <summary>Breaks the first PATCH after so many bytes, as a lost connection would.</summary>
    private sealed class BreakingWire(HttpMessageHandler inner, int breakAfter) : DelegatingHandler(inner)
    {
        public int Patches { get; private set; }

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            if (request.Method == HttpMethod.Patch && Patches++ == 0)
            {
                // The registry gets the first part as a complete PATCH; we are told that it broke.
                var bytes = await request.Content!.ReadAsByteArrayAsync(cancellationToken);
                request.Content = new ByteArrayContent(bytes[..breakAfter]);
                using var response = await base.SendAsync(request, cancellationToken);
                throw new HttpRequestException("the connection was reset", new IOException("reset"));
            }
            return await base.SendAsync(request, cancellationToken);
        }
    }
}
