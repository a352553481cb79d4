using Docker.DotNet;
using Docker.DotNet.Models;
using Grid.Oci;
using Grid.Oci.Images;
using Grid.Oci.Tests.Images;

namespace Grid.Docker.Tests;

/// <summary>Against a Docker engine, where one answers.</summary>
public sealed class DockerImageStoreTests
{
    private static readonly CancellationToken None = CancellationToken.None;

    [Fact]
    public async Task Push_ThenFind_GivesTheSameLayersAndConfiguration()
    {
        await RequireEngineAsync();
        using var store = new DockerImageStore();
        var name = new ImageLocation.Docker($"grid-test-{Guid.NewGuid():N}:1");
        var content = TestImages.Build(2);

        var pinned = await store.PushAsync(content, name, null, None);
        try
        {
            var image = (await store.FindAsync(name, TestImages.Amd64, None))!;
            image.Layers.Select(layer => layer.DiffId).ShouldBe(content.Layers.Select(layer => layer.Layer.DiffId));
            (await ImageValidator.ValidateAsync(image, None)).ShouldBeEmpty();
            image.Pinned(name).ShouldBe(pinned);
            (await store.FindAsync(pinned, TestImages.Amd64, None)).ShouldBeSameAs(image);
        }
        finally
        {
            using var client = new DockerClientBuilder().WithEndpoint(new DockerEngineOptions().ResolveEndpoint()).Build();
            await client.Images.DeleteImageAsync(name.Name, new ImageDeleteParameters(), None);
        }
    }

    [Fact]
    public async Task Push_OfALayerThatCannotBeRead_SaysWhich()
    {
        await RequireEngineAsync();
        using var store = new DockerImageStore();
        var blobs = new MemoryBlobs();
        var layer = TestImages.AddLayer(blobs, "f", "x");
        var content = ImageBuilder.FromScratch(TestImages.Amd64).AddLayer(layer, new MemoryBlobs()).Build();

        (await Should.ThrowAsync<BlobNotFoundException>(() => store.PushAsync(content, new ImageLocation.Docker("grid-test-never:1"), null, None)))
            .Message.ShouldContain(layer.Blob.Digest.ToString());
    }

    [Fact]
    public async Task Find_OfWhatIsNotThere_IsNull()
    {
        await RequireEngineAsync();
        using var store = new DockerImageStore();

        (await store.FindAsync(new ImageLocation.Docker("grid-test-nothing:1"), TestImages.Amd64, None)).ShouldBeNull();
    }

    [Fact]
    public async Task WithoutAnEngine_EveryQuestionSaysSo()
    {
        using var directory = new TemporaryDirectory();
        using var store = new DockerImageStore(new DockerEngineOptions { Endpoint = $"unix://{directory["no.sock"]}" });
        var name = new ImageLocation.Docker("app:1");

        foreach (var ask in (Func<Task>[])[() => store.FindAsync(name, TestImages.Amd64, None), () => store.CheckWriteAsync(name, None), () => store.PushAsync(TestImages.Build(), name, null, None)])
        {
            var e = await Should.ThrowAsync<ImageAccessException>(ask);
            e.Message.ShouldContain("no Docker engine answers at unix://");
            e.Message.ShouldContain("DOCKER_HOST");
        }
    }

    [Theory]
    [InlineData("ssh://host")]
    [InlineData("nonsense")]
    public void Endpoint_OfAKindThatIsNotSupported_IsRefused(string endpoint) =>
        Should.Throw<FormatException>(() => new DockerEngineOptions { Endpoint = endpoint }.ResolveEndpoint()).Message.ShouldContain(endpoint);

    [Fact]
    public async Task Write_ToAPinnedName_IsRefused()
    {
        using var store = new DockerImageStore(new DockerEngineOptions { Endpoint = "unix:///nowhere.sock" });

        await Should.ThrowAsync<FormatException>(() => store.CheckWriteAsync(new ImageLocation.Docker($"app@{Digest.Compute("x"u8)}"), None));
    }

    private static async Task RequireEngineAsync()
    {
        using var client = new DockerClientBuilder().WithEndpoint(new DockerEngineOptions().ResolveEndpoint()).Build();
        try
        {
            await client.System.PingAsync(None);
        }
        catch (Exception e) when (e is HttpRequestException or TimeoutException or IOException or OperationCanceledException)
        {
            Assert.Skip($"no Docker engine answers: {e.GetBaseException().Message}");
        }
    }
}
