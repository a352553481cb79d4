using Grid.Buildpacks;
using Grid.Buildpacks.Descriptors;
using Grid.Cli.Lifecycle;
using Grid.Oci;

namespace Grid.Cli.Tests.Lifecycle;

/// <summary>Where a phase looks for an image of a name.</summary>
public sealed class PhaseImagesTests
{
    private const string Digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    private static PhaseImages Images(params string[] arguments) => PhaseImages.Of(PhaseInputs.Parse(
        [PhaseFlags.Daemon, PhaseFlags.Layout, PhaseFlags.LayoutDirectory, PhaseFlags.InsecureRegistries], new ApiVersion(0, 15), arguments, _ => null, "/here"));

    [Theory]
    [InlineData("registry.test/repo/image:tag", "/l/registry.test/repo/image/tag")]
    [InlineData("registry.test:5000/image", "/l/registry.test:5000/image/latest")]
    [InlineData("image", "/l/index.docker.io/library/image/latest")]
    [InlineData("registry.test/repo/image@" + Digest, "/l/registry.test/repo/image/sha256/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef")]
    [Spec("platform/layout.tag", "platform/layout.digest", "platform/analyze.layout")]
    public void Locate_InALayoutDirectory_IsThePathOfTheName(string name, string path)
    {
        using var images = Images("-layout", "-layout-dir", "/l");

        images.Locate(name).ShouldBeOfType<ImageLocation.Layout>().Directory.ShouldBe(path);
    }

    [Fact]
    [Spec("platform/analyze.layout")]
    public void LayoutWithoutADirectory_IsRefused() => Should.Throw<LifecycleException>(() => Images("-layout")).ExitCode.ShouldBe(ExitCode.InvalidArgs);

    [Theory]
    [InlineData(Digest)]
    [InlineData("registry.test/a:1")]
    [Spec("platform/analyze.previous-daemon")]
    public void Locate_InAnEngine_TakesNamesAndImageIds(string name)
    {
        using var images = Images("-daemon");

        images.Locate(name).ShouldBe(new ImageLocation.Docker(name));
    }

    [Theory]
    [InlineData("")]
    [InlineData("Upper/Case")]
    [InlineData("a b")]
    [InlineData("registry.test/a@sha256:1")]
    [Spec("platform/analyze.image-valid", "platform/analyze.tag-valid", "platform/analyze.previous-valid")]
    public void Locate_WhatIsNoReference_IsRefused(string name)
    {
        using var images = Images();

        Should.Throw<LifecycleException>(() => images.Locate(name)).ExitCode.ShouldBe(ExitCode.InvalidArgs);
    }
}
