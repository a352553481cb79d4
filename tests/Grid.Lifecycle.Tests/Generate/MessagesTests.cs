using Grid.Buildpacks.Metadata;
using System.Text.Json;
using Grid.Buildpacks;
using Grid.Buildpacks.Order;
using Grid.Dockerfiles.Planning;
using Grid.Lifecycle.Detect;
using Grid.Lifecycle.Generate;

namespace Grid.Lifecycle.Tests.Generate;

/// <summary>What crosses grains must survive JSON with default options.</summary>
public sealed class MessagesTests
{
    [Fact]
    public void GenerateResult_RoundTrips() => ShouldRoundTrip(new GenerateResult
    {
        Plan = new BuildPlan([new PlanEntry([new PlanProvider("e", "1", ModuleKind.Extension)], [new PlanRequire("x") { MetadataToml = "a = 1\n" }])]),
        Extensions = [new GeneratedExtension("e", "1") { Run = new GeneratedDockerfile("FROM x\n", [new BuildArg("a", "b")]) { ContextDirectory = "/c", Ignored = true, Warnings = ["w"] } }],
        SwitchedRunImage = "x",
        ExtendsRun = true,
    });

    [Fact]
    public void DetectResult_RoundTrips() =>
        ShouldRoundTrip(new DetectResult(new Group([new GroupElement(ModuleKind.Buildpack, "a/b", "1", "0.10") { Homepage = "h" }], []), new BuildPlan([])));

    [Fact]
    public void Orders_RoundTrip()
    {
        var group = new OrderGroup([new OrderElement(ModuleKind.Buildpack, "a", "1") { Optional = true, ExecEnvs = ["test"] }]);
        ShouldRoundTrip(new OrderFile([group], []));
        ShouldRoundTrip(new SystemFile(group.Elements, []));
        ShouldRoundTrip(new RunImages([new RunImageNames { Image = "a", Mirrors = ["b"] }]));
    }

    private static void ShouldRoundTrip<T>(T value)
    {
        var json = JsonSerializer.Serialize(value);
        JsonSerializer.Serialize(JsonSerializer.Deserialize<T>(json)).ShouldBe(json);
    }
}
