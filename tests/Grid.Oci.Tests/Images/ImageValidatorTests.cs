using Grid.Oci.Images;

namespace Grid.Oci.Tests.Images;

public sealed class ImageValidatorTests
{
    private static readonly CancellationToken None = CancellationToken.None;

    [Fact]
    public async Task SoundImage_HasNoProblems() => (await ImageValidator.ValidateAsync(TestImages.View(TestImages.Build(3)), None)).ShouldBeEmpty();

    [Fact]
    public async Task EveryProblem_IsListed()
    {
        var image = TestImages.View(TestImages.Build(2));
        var other = TestImages.View(TestImages.Build(1, "other"));
        image = image with { Layers = [image.Layers[0] with { DiffId = Digest.Compute("x"u8) }, other.Layers[0]] };

        var problems = await ImageValidator.ValidateAsync(image, None);

        problems.ShouldContain("the manifest's layers are not the image's");
        problems.ShouldContain("the configuration's diff IDs are not those of the image's layers");
        problems.ShouldContain(problem => problem.Contains("unpacks to"));
        problems.ShouldContain(problem => problem.StartsWith($"layer {other.Layers[0].Blob.Digest}", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Bomb_IsStopped()
    {
        var blobs = new MemoryBlobs();
        var content = ImageBuilder.FromScratch(TestImages.Amd64).AddLayer(TestImages.AddLayer(blobs, "zeros", new byte[1 << 20]), blobs).Build();

        (await ImageValidator.ValidateAsync(TestImages.View(content), None, maxLayerBytes: 1000)).ShouldHaveSingleItem().ShouldContain("more than 1000 bytes");
    }

    [Theory]
    [InlineData("right", 5, null)]
    [InlineData("wrong", 5, "other content")]
    [InlineData("righ", 5, "ended after 4 of 5")]
    [InlineData("right and more", 5, "longer than the 5")]
    public async Task VerifyingStream_NeverEndsWellWithWrongBytes(string content, long size, string? message)
    {
        var blob = new Descriptor("x", Digest.Compute("right"u8), size);
        await using var stream = new VerifyingStream(new MemoryStream(System.Text.Encoding.UTF8.GetBytes(content)), blob, "a test");

        if (message is null)
            await stream.CopyToAsync(Stream.Null, None);
        else
            (await Should.ThrowAsync<BlobMismatchException>(() => stream.CopyToAsync(Stream.Null, 3, None))).Message.ShouldContain(message);
    }

    [Fact]
    public async Task ImageStores_WithoutTheRightOne_SaysWhichKindIsMissing() =>
        (await Should.ThrowAsync<NotSupportedException>(() => new ImageStores([]).FindAsync(ImageLocation.Parse("docker:x"), TestImages.Amd64, None)))
            .Message.ShouldContain("'docker:x' is an image of a Docker engine, and none is configured here");
}
