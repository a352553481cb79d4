using Grid.Buildpacks.Descriptors;
using Grid.Buildpacks.Order;
using Grid.Buildpacks.Tests.Support;

namespace Grid.Buildpacks.Tests.Order;

public sealed class OrderExpansionTests : IDisposable
{
    private readonly TemporaryTree _tree = new();

    public void Dispose() => _tree.Dispose();

    [Fact]
    [Spec("buildpack/composite.resolvable", "buildpack/order.resolve", "buildpack/order.pattern", "buildpack/order.expansion")]
    [Spec("buildpack/order.optional")]
    public void Groups_NestedComposites_ComeInTheReferencesOrder()
    {
        Plain("A@v1", "A@v2", "B@v1", "B@v2", "C@v1", "C@v2", "D@v1", "D@v2");
        Composite("E@v1", "A@v1 F@v1 B@v1");
        Composite("F@v1", "C@v1", "G@v1?", "D@v1");
        Composite("G@v1", "A@v2 B@v2", "C@v2 D@v2");

        Groups("[[order]]\n[[order.group]]\nid='E'\nversion='v1'\n").ShouldBe(["A@v1 C@v1 B@v1", "A@v1 B@v2", "A@v1 C@v2 D@v2 B@v1", "A@v1 B@v1", "A@v1 D@v1 B@v1"]);
    }

    [Fact]
    [Spec("buildpack/order.ext-first", "buildpack/order.product", "buildpack/detect.ext-optional", "platform/extensions.layout")]
    [Decision(3)]
    public void Groups_Extensions_InFrontOfEachGroup_NoneLast()
    {
        Plain("A@1", "B@1");
        foreach (var id in "AB")
            _tree.Add($"/extensions/{id}/1/extension.toml", $"api='0.10'\n[extension]\nid='{id}'\nversion='1'\n");

        Groups(string.Concat("AB".Select(id => $"[[order]]\n[[order.group]]\nid='{id}'\nversion='1'\n[[order-extensions]]\n[[order-extensions.group]]\nid='{id}'\nversion='1'\n")))
            .ShouldBe(["+A@1 A@1", "+B@1 A@1", "A@1", "+A@1 B@1", "+B@1 B@1", "B@1"]);
    }

    [Fact]
    [Spec("buildpack/composite.resolvable")]
    [Decision(9)]
    public void Groups_CompositeThatContainsItself_IsAnErrorThatShowsTheWay()
    {
        Composite("E@v1", "F@v1");
        Composite("F@v1", "E@v1");

        var failure = Should.Throw<LifecycleException>(() => Groups("[[order]]\n[[order.group]]\nid='E'\nversion='v1'\n"));

        failure.ExitCode.ShouldBe(ExitCode.DetectError);
        failure.Message.ShouldContain("E@v1 > F@v1 > E@v1");
    }

    [Theory]
    [InlineData("..", "1")]
    [InlineData("a", "../../etc")]
    [InlineData("a", "..")]
    public void Find_IdOrVersionThatLeavesTheDirectory_IsNotInTheBuilder(string id, string version) =>
        Should.Throw<LifecycleException>(() => Store.Find(ModuleKind.Buildpack, id, version)).ExitCode.ShouldBe(ExitCode.Failed);

    [Fact]
    [Spec("buildpack/api.unsupported", "buildpack/descriptor.api")]
    public void Find_UnsupportedApi_SaysWhatIsSupported()
    {
        _tree.Add("/buildpacks/a/1/buildpack.toml", "api='0.99'\n[buildpack]\nid='a'\nversion='1'\n");

        var failure = Should.Throw<LifecycleException>(() => Store.Find(ModuleKind.Buildpack, "a", "1"));

        failure.ExitCode.ShouldBe(ExitCode.IncompatibleBuildpackApi);
        failure.Message.ShouldBe("buildpack a@1 needs Buildpack API 0.99; supported are 0.7 to 0.12");
    }

    [Fact]
    [Spec("platform/detect.system.pre", "platform/detect.system.pre-once", "platform/detect.system.post")]
    [Spec("platform/detect.system.post-once", "platform/system.optional")]
    [Decision(4)]
    public void Merge_SystemBuildpacks_AroundEveryGroup_UnlessTheirIdIsThere()
    {
        var system = SystemFile.Parse("[[system.pre.buildpacks]]\nid='P'\nversion='1'\noptional=true\n[[system.pre.buildpacks]]\nid='A'\nversion='9'\n[[system.post.buildpacks]]\nid='Q'\nversion='1'\n", "system.toml");
        var merged = OrderFile.Parse("[[order]]\n[[order.group]]\nid='A'\nversion='1'\n[[order]]\n[[order.group]]\nid='B'\nversion='1'\n", "order.toml").Merge(system);

        merged.Order.Select(g => string.Join(' ', g.Elements.Select(e => e + (e.Optional ? "?" : "")))).ShouldBe(["P@1? A@1 Q@1", "P@1? A@9 B@1 Q@1"]);
    }

    [Fact]
    [Spec("buildpack/descriptor.exec-env", "buildpack/targets.compatible", "buildpack/targets.distros")]
    [Decision(5)]
    [Decision(6)]
    public void Descriptor_ReadsTargetsInBothSpellings_AndExecEnvInBothForms()
    {
        _tree.Add("/buildpacks/a/1/buildpack.toml", "api='0.12'\n[buildpack]\nid='a'\nversion='1'\nclear-env=true\n[[buildpack.exec-env]]\nname='test'\n"
            + "[[targets]]\nos='linux'\narch='arm64'\nvariant='v8'\n[[targets]]\nos='linux'\narch-variant='v7'\n[[targets.distros]]\nname='debian'\nversion='12'\n");

        var descriptor = Store.Find(ModuleKind.Buildpack, "a", "1");

        (descriptor.ClearEnv, descriptor.RunsIn("test"), descriptor.RunsIn("production")).ShouldBe((true, true, false));
        descriptor.Targets.Select(t => t.Variant).ShouldBe(["v8", "v7"]);
        descriptor.Supports(new Target("linux", "arm64")).ShouldBeTrue();
        descriptor.Supports(new Target("linux", "amd64") { DistroName = "alpine" }).ShouldBeFalse();
        descriptor.Supports(new Target("linux", "amd64") { DistroName = "debian", DistroVersion = "12" }).ShouldBeTrue();
    }

    [Theory]
    [InlineData("[[stacks]]\nid='io.buildpacks.stacks.bionic'\n", "linux/amd64 (ubuntu 18.04)")]
    [InlineData("[[stacks]]\nid='*'\n", "")]
    [InlineData("[[stacks]]\nid='other'\n", "linux")]
    [Spec("buildpack/targets.none", "buildpack/stacks.bionic", "buildpack/stacks.any", "buildpack/stacks.compatible")]
    public void Descriptor_WithoutTargets_InfersThem(string stacks, string target)
    {
        _tree.Add("/buildpacks/a/1/buildpack.toml", "api='0.10'\n[buildpack]\nid='a'\nversion='1'\n" + stacks).Add("/buildpacks/a/1/bin/build");

        Store.Find(ModuleKind.Buildpack, "a", "1").Targets.Select(t => t.ToString()).ShouldBe([target]);
    }

    private ModuleStore Store => new(_tree.Files, "/buildpacks", "/extensions");

    private IReadOnlyList<string> Groups(string order) =>
    [
        .. new OrderExpansion(Store, (_, _) => true).Groups(OrderFile.Parse(order, "order.toml"))
            .Select(g => string.Join(' ', g.Select(c => (c.Module.Kind == ModuleKind.Extension ? "+" : "") + c))),
    ];

    private void Plain(params string[] modules)
    {
        foreach (var parts in modules.Select(m => m.Split('@')))
            _tree.Add($"/buildpacks/{parts[0]}/{parts[1]}/buildpack.toml", $"api='0.10'\n[buildpack]\nid='{parts[0]}'\nversion='{parts[1]}'\n");
    }

    private void Composite(string module, params string[] groups)
    {
        var parts = module.Split('@');
        var order = string.Concat(groups.Select(g => "[[order]]\n" + string.Concat(g.Split(' ').Select(e => e.TrimEnd('?').Split('@'))
            .Select((e, i) => $"[[order.group]]\nid='{e[0]}'\nversion='{e[1]}'\n{(g.Split(' ')[i].EndsWith('?') ? "optional=true\n" : "")}"))));
        _tree.Add($"/buildpacks/{parts[0]}/{parts[1]}/buildpack.toml", $"api='0.10'\n[buildpack]\nid='{parts[0]}'\nversion='{parts[1]}'\n{order}");
    }
}
