using Grid.Buildpacks.Order;
using Grid.Buildpacks.Toml;

namespace Grid.Buildpacks.Tests.Order;

/// <summary>What order.toml, system.toml and run.toml must say (platform.md §Files).</summary>
public sealed class OrderFileTests
{
    [Theory]
    [InlineData("[[order]]\n[[order.group]]\nversion='1'\n", "order.toml:2:1: [[order.group]] id: is missing")]
    [InlineData("[[order]]\n[[order.group]]\nid='a'\n", "order.toml:2:1: [[order.group]] version: is missing")]
    [InlineData("[[order-extensions]]\n[[order-extensions.group]]\nid='a'\n", "version: is missing")]
    [Spec("platform/order.fields")]
    public void Parse_ElementWithoutIdOrVersion_SaysWhere(string toml, string message) =>
        Should.Throw<TomlFormatException>(() => OrderFile.Parse(toml, "order.toml")).Message.ShouldContain(message);

    [Fact]
    [Spec("platform/order.optional", "buildpack/detect.ext-optional")]
    public void Parse_Optional_IsFalseUnlessGiven_AndExtensionsAlwaysAre()
    {
        var order = OrderFile.Parse("[[order]]\n[[order.group]]\nid='a'\nversion='1'\n[[order.group]]\nid='b'\nversion='1'\noptional=true\n[[order-extensions]]\n[[order-extensions.group]]\nid='e'\nversion='1'\n", "order.toml");

        order.Order[0].Elements.Select(element => element.Optional).ShouldBe([false, true]);
        order.OrderExtensions[0].Elements[0].Optional.ShouldBeTrue();
    }

    [Theory]
    [InlineData("pre", "version='1'", "id: is missing")]
    [InlineData("post", "id='a'", "version: is missing")]
    [Spec("platform/system.fields")]
    public void SystemFile_ElementWithoutIdOrVersion_SaysWhere(string place, string line, string message) =>
        Should.Throw<TomlFormatException>(() => SystemFile.Parse($"[[system.{place}.buildpacks]]\n{line}\n", "system.toml")).Message.ShouldContain(message);

    [Fact]
    [Spec("platform/system.optional")]
    public void SystemFile_Optional_IsFalseUnlessGiven() =>
        SystemFile.Parse("[[system.pre.buildpacks]]\nid='a'\nversion='1'\n", "system.toml").Pre[0].Optional.ShouldBeFalse();

    [Fact]
    [Spec("platform/run.mirrors")]
    public void RunImages_MirrorsWithoutAnImage_AreRefused() =>
        Should.Throw<TomlFormatException>(() => RunImages.Parse("[[images]]\nmirrors=['m']\n", "run.toml")).Message.ShouldContain("run.toml:1:1: [[images]] image: is missing");
}
