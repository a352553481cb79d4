using System.Text.Json;
using System.Text.Json.Nodes;
using Grid.Contracts.Builds;
using Grid.Contracts.Events;
using Grid.Contracts.Work;
using Grid.Dockerfiles;
using Grid.Grains.Tests.Cluster;

namespace Grid.Grains.Tests.Contracts;

/// <summary>What a later build of Grid has stored survives being written by this one.</summary>
public sealed class LaterMembersTests
{
    private static readonly JsonSerializerOptions Json = MakeOptions();

    public static TheoryData<Type> States() => [.. ContractTypes.States];

    [Theory, MemberData(nameof(States))]
    public void Members_that_are_not_known_are_written_again(Type type)
    {
        var stored = JsonSerializer.SerializeToNode(FilledValues.Of(type), type, Json)!;
        AddEverywhere(stored);
        var read = stored.Deserialize(type, Json);

        GoldenContracts.Difference(stored, JsonSerializer.SerializeToNode(read, type, Json)).ShouldBeNull();
    }

    [Fact]
    public async Task A_build_that_an_older_node_goes_on_with_keeps_what_a_newer_one_stored()
    {
        await using var grid = await TestGrid.StartAsync(silos: 2);
        grid.Node.Detect = _ => Samples.Detection(Samples.Dockerfile(ImageKind.Run, "ARG base_image\nFROM ${base_image}\nRUN slow\nRUN slower\n"));
        grid.Node.Holds = i => i is StepWork;
        var key = await grid.SubmitAsync();
        var step = await grid.Node.StartedAsync<StepWork>();
        await grid.Events.FirstAsync<PhaseFinished>(key, e => e.Phase == Phase.Build);
        // Read again from storage, on the other silo.
        (string Name, IGrainWithStringKey Grain)[] records = [("build", grid.Build(key)), ("extender", grid.Grains.GetGrain<IExtenderGrain>(key + "/run"))];
        foreach (var (name, grain) in records)
        {
            grid.Storage.Rewrite(name, grain.GetGrainId(), json => json.Insert(1, "\"FromALaterBuild\":{\"a\":[1,2]},").Replace("\"Progress\":{", "\"Progress\":{\"Later1\":true,", StringComparison.Ordinal)
                .Replace("\"Position\":{", "\"Position\":{\"Later1\":true,", StringComparison.Ordinal));
            await grid.Cluster.DeactivateAsync(grain);
        }
        grid.Node.Holds = _ => false;
        grid.Node.Finish(step);
        (await grid.EndAsync(key)).State.ShouldBe(BuildState.Succeeded);

        foreach (var (name, grain) in records)
        {
            var json = JsonNode.Parse(grid.Storage.JsonOf(name, grain.GetGrainId()))!;
            json["FromALaterBuild"]!.ToJsonString().ShouldBe("{\"a\":[1,2]}");
            (json["Progress"] ?? json["Position"])!["Later1"]!.GetValue<bool>().ShouldBeTrue();
        }
    }

    private static void AddEverywhere(JsonNode? node)
    {
        if (node is JsonArray list)
        {
            foreach (var item in list)
                AddEverywhere(item);
        }
        if (node is not JsonObject members)
            return;
        foreach (var (_, member) in members.ToList())
            AddEverywhere(member);
        // Dictionaries keep any name, and their values have a type.
        if (!members.Select(m => m.Value).All(v => v is JsonValue or null) || members.ContainsKey("SchemaVersion") || members.Count > 3)
            members["zz later"] = new JsonObject { ["of"] = "another build" };
    }

    private static JsonSerializerOptions MakeOptions()
    {
        var options = new JsonSerializerOptions();
        LaterMembers.Keep(options);
        return options;
    }
}
