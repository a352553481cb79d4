using System.Text.Json;
using Grid.Contracts.Events;
using Grid.Grains.Tests.Contracts;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Serialization;

namespace Grid.Grains.Tests.Cluster;

/// <summary>Every message and every state survives both serializers: Orleans' between silos, System.Text.Json in storage and journals.</summary>
public sealed class SerializationTests
{
    public static TheoryData<Type> Messages() => [.. ContractTypes.Messages];

    public static TheoryData<Type> States() => [.. ContractTypes.States];

    public static TheoryData<Type> Events() => [.. ContractTypes.Events];

    [Theory, MemberData(nameof(Messages))]
    public void Messages_survive_the_Orleans_serializer(Type type)
    {
        using var services = new ServiceCollection().AddSerializer(TestGrid.Json).BuildServiceProvider();
        var value = FilledValues.Of(type);
        var serializer = services.GetRequiredService<Serializer>();
        var read = serializer.Deserialize<object>(serializer.SerializeToArray<object>(value))!;
        Text(read).ShouldBe(Text(value));
        Text(services.GetRequiredService<DeepCopier>().Copy(value)!).ShouldBe(Text(value));
    }

    [Theory, MemberData(nameof(States))]
    public void States_survive_storage(Type type)
    {
        var value = FilledValues.Of(type);
        var text = JsonSerializer.Serialize(value, type);
        JsonSerializer.Serialize(JsonSerializer.Deserialize(text, type), type).ShouldBe(text);
        text.ShouldContain("\"SchemaVersion\":");
    }

    [Theory, MemberData(nameof(Events))]
    public void Events_survive_the_journal(Type type)
    {
        var value = (BuildEvent)FilledValues.Of(type);
        var text = JsonSerializer.Serialize(value);
        var read = JsonSerializer.Deserialize<BuildEvent>(text);
        read.ShouldBeOfType(type);
        JsonSerializer.Serialize(read).ShouldBe(text);
    }

    [Fact]
    public void There_are_messages_states_and_events()
    {
        Messages().Count.ShouldBeGreaterThan(25);
        States().Count.ShouldBeGreaterThan(4);
        Events().Count.ShouldBe(9);
    }

    private static string Text(object value) => JsonSerializer.Serialize(value, value.GetType(), Options);

    private static readonly JsonSerializerOptions Options = new();
}
