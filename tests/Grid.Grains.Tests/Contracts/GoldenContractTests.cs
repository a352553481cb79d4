using System.Text.Json;
using System.Text.Json.Nodes;
using Grid.Contracts.Events;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Serialization;
using Orleans.Serialization.Invocation;

namespace Grid.Grains.Tests.Contracts;

/// <summary>
/// What earlier builds of Grid wrote is read as it was meant. A test here that fails has found a change that would break a rolling upgrade, or stored
/// state; docs/contracts.md says what may be changed and how.
/// </summary>
public sealed class GoldenContractTests
{
    private const string HowToAdd = "run these tests with GRID_UPDATE_CONTRACTS=1 and commit what they add to tests/fixtures/contracts (docs/contracts.md)";

    public static TheoryData<string> Generations() => [.. GoldenContracts.All.Select(g => g.Name)];

    [Theory, MemberData(nameof(Generations))]
    public void Messages_of_earlier_builds_are_read_as_they_were_meant(string generation)
    {
        using var services = GoldenContracts.Serializers();
        var serializer = services.GetRequiredService<Serializer>();
        Check(generation, "messages", (_, sample) => GoldenContracts.ValueOf(serializer.Deserialize<object>(Convert.FromBase64String(sample.Bytes!))!));
    }

    [Theory, MemberData(nameof(Generations))]
    public void Calls_of_earlier_builds_are_read_as_they_were_meant(string generation)
    {
        using var services = GoldenContracts.Serializers();
        var serializer = services.GetRequiredService<Serializer>();
        Check(generation, "calls", (name, sample) =>
        {
            var call = serializer.Deserialize<IInvokable>(Convert.FromBase64String(sample.Bytes!))!;
            NameOf(call).ShouldBe(name, "the call reaches another method");
            return GoldenContracts.ValueOf(call);
        });
    }

    [Theory, MemberData(nameof(Generations))]
    public void States_of_earlier_builds_are_read_as_they_were_meant(string generation)
    {
        var types = ContractTypes.States.ToDictionary(ContractTypes.AliasOf);
        Check(generation, "states", (name, sample) => GoldenContracts.ValueOf(sample.Value.Deserialize(types[name])!));
    }

    [Theory, MemberData(nameof(Generations))]
    public void Events_of_earlier_builds_are_read_as_they_were_meant(string generation) =>
        Check(generation, "events", (_, sample) => Node(EventLines.Parse(JsonSerializer.SerializeToUtf8Bytes(sample.Value), generation)));

    [Fact]
    public void Everything_that_is_written_has_a_sample()
    {
        var newest = GoldenContracts.All is { Count: > 0 } all ? all[^1] : new GoldenContracts(Path.Combine(GoldenContracts.Root, "1"));
        if (Environment.GetEnvironmentVariable("GRID_UPDATE_CONTRACTS") is { Length: > 0 } update)
        {
            // A number begins the generation of that number; anything else completes the newest.
            newest = int.TryParse(update, out var number) && number > 1 ? new GoldenContracts(Path.Combine(GoldenContracts.Root, update)) : newest;
            AddMissing(newest);
        }
        var missing = ContractTypes.Messages.Select(t => ("messages", ContractTypes.AliasOf(t))).Concat(ContractTypes.Requests.Select(t => ("calls", NameOf(GoldenContracts.Filled(t)))))
            .Concat(ContractTypes.States.Select(t => ("states", ContractTypes.AliasOf(t)))).Concat(ContractTypes.Events.Select(t => ("events", t.Name)))
            .Concat(ContractTypes.StateNames.Keys.Select(n => ("names", n)))
            .Where(n => !newest.Has(n.Item1, n.Item2)).Select(n => $"{n.Item1}/{n.Item2}");
        missing.ShouldBeEmpty(HowToAdd);
    }

    [Theory, MemberData(nameof(Generations))]
    public void Stored_states_keep_their_names(string generation)
    {
        var names = ContractTypes.StateNames;
        Check(generation, "names", (name, _) => names.TryGetValue(name, out var alias) ? JsonValue.Create(alias) : throw new InvalidOperationException("no grain stores anything under this name"));
    }

    private static JsonNode Node(BuildEvent buildEvent) => JsonNode.Parse(EventLines.ToJson(buildEvent))!;

    /// <summary>An interface and a method as they travel.</summary>
    private static string NameOf(IInvokable call) =>
        $"{ContractTypes.AliasOf(call.GetInterfaceType())}.{call.GetMethod().GetCustomAttributes(typeof(AliasAttribute), false).Cast<AliasAttribute>().Single().Alias}";

    private static void Check(string generation, string kind, Func<string, GoldenContracts.Sample, JsonNode> read)
    {
        var golden = GoldenContracts.All.Single(g => g.Name == generation);
        var wrong = new List<string>();
        foreach (var name in golden.Kind(kind))
        {
            var sample = golden.Read(kind, name);
            try
            {
                if (GoldenContracts.Difference(sample.Value, read(name, sample)) is { } difference)
                    wrong.Add($"{name}: {difference}");
            }
            catch (Exception e)
            {
                wrong.Add($"{name} cannot be read: {e.Message}");
            }
        }
        wrong.ShouldBeEmpty($"generation {generation} is not read as it was meant");
    }

    private static void AddMissing(GoldenContracts golden)
    {
        using var services = GoldenContracts.Serializers();
        var serializer = services.GetRequiredService<Serializer>();
        foreach (var type in ContractTypes.Messages)
            golden.Add("messages", ContractTypes.AliasOf(type), () => Sample(FilledValues.Of(type)));
        foreach (var type in ContractTypes.Requests)
        {
            var call = GoldenContracts.Filled(type);
            golden.Add("calls", NameOf(call), () => new GoldenContracts.Sample(Convert.ToBase64String(serializer.SerializeToArray(call)), GoldenContracts.ValueOf(call)));
        }
        foreach (var type in ContractTypes.States)
            golden.Add("states", ContractTypes.AliasOf(type), () => new GoldenContracts.Sample(null, GoldenContracts.ValueOf(FilledValues.Of(type))));
        foreach (var type in ContractTypes.Events)
            golden.Add("events", type.Name, () => new GoldenContracts.Sample(null, Node((BuildEvent)FilledValues.Of(type))));
foreach (var (name, alias) in ContractTypes.StateNames)
            golden.Add("names", name, () => new GoldenContracts.Sample(null, JsonValue.Create(alias)));

        GoldenContracts.Sample Sample(object value) => new(Convert.ToBase64String(serializer.SerializeToArray(value)), GoldenContracts.ValueOf(value));
    }
}
