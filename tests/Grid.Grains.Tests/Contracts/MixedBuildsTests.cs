using Grid.Contracts.Queues;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Serialization;
using Orleans.Serialization.Configuration;

namespace Grid.Grains.Tests.Contracts;

/// <summary>
/// Messages between two builds of Grid, of which one is later: it has members more. The short form of <c>tests/mixed-versions.sh</c>, which runs nodes of
/// two builds in one cluster.
/// </summary>
public sealed class MixedBuildsTests
{
    /// <summary><see cref="QueuePlace"/> as a later build might have it.</summary>
    [GenerateSerializer, Alias("test.LaterQueuePlace")]
    internal sealed record LaterQueuePlace
    {
        [Id(0)] public required string BuildKey { get; init; }

        [Id(1)] public required int Position { get; init; }

        [Id(2)] public required string Reason { get; init; }

        [Id(3)] public TimeSpan? Estimate { get; init; }

        [Id(4)] public required DateTimeOffset Since { get; init; }

        [Id(5)] public string? Class { get; init; }

        [Id(6)] public LaterDetail[]? Details { get; init; }

        [Id(40)] public Dictionary<string, long> Numbers { get; init; } = [];
    }

    /// <summary>A type that earlier builds do not know.</summary>
    [GenerateSerializer, Alias("test.LaterDetail")]
    internal sealed record LaterDetail([property: Id(0)] string Text, [property: Id(1)] LaterDetail? Inner);

    private static readonly DateTimeOffset Since = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    private static readonly QueuePlace Place = new() { BuildKey = "tenant/b", Position = 7, Reason = "all slots are taken", Estimate = TimeSpan.FromSeconds(90), Since = Since };

    private static readonly LaterQueuePlace LaterPlace = new()
    {
        BuildKey = "tenant/b", Position = 7, Reason = "all slots are taken", Estimate = TimeSpan.FromSeconds(90), Since = Since, Class = "interactive",
        Details = [new LaterDetail("outer", new LaterDetail("inner", null))], Numbers = new() { ["a"] = 1 },
    };

    [Fact]
    public void A_message_of_a_later_build_is_read_without_what_it_has_more()
    {
        using var later = Later();
        using var services = GoldenContracts.Serializers();
        var bytes = later.GetRequiredService<Serializer>().SerializeToArray<object>(LaterPlace);

        services.GetRequiredService<Serializer>().Deserialize<object>(bytes).ShouldBe(Place);
    }

    [Fact]
    public void What_a_message_of_a_later_build_has_more_does_not_disturb_what_follows_it()
    {
        using var later = Later();
        using var services = GoldenContracts.Serializers();
        var bytes = later.GetRequiredService<Serializer>().SerializeToArray<object>(new object[] { LaterPlace, LaterPlace, "behind" });

        services.GetRequiredService<Serializer>().Deserialize<object>(bytes).ShouldBeOfType<object[]>().ShouldBe([Place, Place, "behind"]);
    }

    [Fact]
    public void A_message_of_an_earlier_build_is_read_by_a_later_one()
    {
        using var later = Later();
        using var services = GoldenContracts.Serializers();
        var bytes = services.GetRequiredService<Serializer>().SerializeToArray<object>(Place);

        var read = later.GetRequiredService<Serializer>().Deserialize<object>(bytes).ShouldBeOfType<LaterQueuePlace>();
        (read.BuildKey, read.Position, read.Reason, read.Estimate, read.Since).ShouldBe((Place.BuildKey, Place.Position, Place.Reason, Place.Estimate, Place.Since));
        (read.Class, read.Details).ShouldBe((null, null));
        read.Numbers.ShouldBeEmpty();
    }

    /// <summary>Serializers of the later build: there the name on the wire means the later type.</summary>
    private static ServiceProvider Later() => new ServiceCollection().AddSerializer(Cluster.TestGrid.Json).PostConfigure<TypeManifestOptions>(o =>
    {
        o.WellKnownTypeAliases.Remove("test.LaterQueuePlace");
        o.WellKnownTypeAliases["grid.QueuePlace"] = typeof(LaterQueuePlace);
    }).BuildServiceProvider();
}
