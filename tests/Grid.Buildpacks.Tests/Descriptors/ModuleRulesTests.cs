using Grid.Buildpacks.Descriptors;
using Grid.Buildpacks.Tests.Support;

namespace Grid.Buildpacks.Tests.Descriptors;

/// <summary>What buildpack.toml and extension.toml must say (buildpack.md §buildpack.toml).</summary>
public sealed class ModuleRulesTests : IDisposable
{
    private readonly TemporaryTree _tree = new();

    public void Dispose() => _tree.Dispose();

    private ModuleStore Store => new(_tree.Files, "/buildpacks", "/extensions");

    [Theory]
    [InlineData("app")]
    [InlineData("config")]
    [InlineData("generated")]
    [InlineData("sbom")]
    [Spec("buildpack/id.reserved")]
    public void Find_ReservedId_IsRefused(string id)
    {
        _tree.Add($"/buildpacks/{id}/1/buildpack.toml", $"api='0.10'\n[buildpack]\nid='{id}'\nversion='1'\n");

        var failure = Should.Throw<LifecycleException>(() => Store.Find(ModuleKind.Buildpack, id, "1"));

        failure.ExitCode.ShouldBe(ExitCode.Failed);
        failure.Message.ShouldContain("reserved for the lifecycle");
    }

    [Theory]
    [InlineData("[buildpack]\nid='a'\nversion='1'\n", "buildpack.toml:1:1: api: is missing")]
    [InlineData("api='zero'\n[buildpack]\nid='a'\nversion='1'\n", "api: want MAJOR.MINOR")]
    [InlineData("api='0.10'\n", "[buildpack]: is missing")]
    [InlineData("api='0.10'\n[buildpack]\nversion='1'\n", "id: is missing")]
    [InlineData("api='0.10'\n[buildpack]\nid='a'\n", "version: is missing")]
    [InlineData("api='0.10'\n[buildpack]\nid='a'\nversion='1'\n[[order]]\n[[order.group]]\nid='x'\n", "version: is missing")]
    [InlineData("api='0.10'\n[buildpack]\nid='a'\nversion='1'\n[[order]]\n[[order.group]]\nversion='1'\n", "id: is missing")]
    [InlineData("api='0.12'\n[buildpack]\nid='a'\nversion='1'\n[[buildpack.exec-env]]\n", "name: is missing")]
    [Spec("buildpack/descriptor.api-form", "buildpack/descriptor.api", "buildpack/order.reference", "buildpack/descriptor.exec-env")]
    public void Find_SomethingIsMissing_SaysWhereAndWhat(string toml, string message)
    {
        _tree.Add("/buildpacks/a/1/buildpack.toml", toml);

        Should.Throw<LifecycleException>(() => Store.Find(ModuleKind.Buildpack, "a", "1")).Message.ShouldContain(message);
    }

    [Fact]
    [Spec("distribution/buildpack.descriptor")]
    public void Find_WithoutADescriptor_IsNotInTheBuilder()
    {
        _tree.Add("/buildpacks/a/1/bin/build");

        Should.Throw<LifecycleException>(() => Store.Find(ModuleKind.Buildpack, "a", "1")).Message.ShouldContain("buildpack a@1 is not in the builder");
    }

    [Fact]
    [Spec("buildpack/order.ext-flat", "image_extension/descriptor")]
    public void Find_Extension_IsReadAsABuildpackIs_ButHasNoOrder()
    {
        _tree.Add("/extensions/a_b/1/extension.toml", "api='0.10'\n[extension]\nid='a/b'\nversion='1'\nhomepage='h'\n[[extension.licenses]]\ntype='MIT'\n[[order]]\n[[order.group]]\nid='x'\nversion='1'\n");

        var extension = Store.Find(ModuleKind.Extension, "a/b", "1");

        (extension.Id, extension.Version, extension.Api.ToString(), extension.Homepage).ShouldBe(("a/b", "1", "0.10", "h"));
        extension.IsComposite.ShouldBeFalse();
    }

    [Fact]
    [Spec("buildpack/order.buildpacks-only")]
    public void Groups_CompositeThatNamesAnExtension_DoesNotFindIt()
    {
        _tree.Add("/extensions/e/1/extension.toml", "api='0.10'\n[extension]\nid='e'\nversion='1'\n")
            .Add("/buildpacks/c/1/buildpack.toml", "api='0.10'\n[buildpack]\nid='c'\nversion='1'\n[[order]]\n[[order.group]]\nid='e'\nversion='1'\n");
        var order = Buildpacks.Order.OrderFile.Parse("[[order]]\n[[order.group]]\nid='c'\nversion='1'\n", "order.toml");

        Should.Throw<LifecycleException>(() => new Buildpacks.Order.OrderExpansion(Store, (_, _) => true).Groups(order).ToList())
            .Message.ShouldContain("buildpack e@1 is not in the builder");
    }

    [Fact]
    [Spec("buildpack/stacks.order")]
    public void Find_CompositeWithStacks_HasNoTargetsOfItsOwn()
    {
        _tree.Add("/buildpacks/c/1/buildpack.toml", "api='0.9'\n[buildpack]\nid='c'\nversion='1'\n[[order]]\n[[order.group]]\nid='e'\nversion='1'\n[[stacks]]\nid='io.buildpacks.stacks.bionic'\n");

        Store.Find(ModuleKind.Buildpack, "c", "1").Targets.ShouldBeEmpty();
    }
}
