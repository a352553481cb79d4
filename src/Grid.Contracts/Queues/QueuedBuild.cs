using System.Text.Json.Serialization;
using Grid.Contracts.Tenants;

namespace Grid.Contracts.Queues;

/// <summary>Who waits for a build.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<BuildClass>))]
public enum BuildClass
{
    /// <summary>Somebody looks at the screen.</summary>
    Interactive = 0,
    /// <summary>A wave, a schedule, a hook.</summary>
    Automatic = 1,
}

/// <summary>What the queue knows of a build.</summary>
[GenerateSerializer, Immutable, Alias("grid.QueuedBuild")]
public sealed record QueuedBuild
{
    [Id(0)] public required string BuildKey { get; init; }

    [Id(1)] public required string Tenant { get; init; }

    /// <summary>Name of the app within the tenant. One build of it runs at a time; of those that wait the newest counts.</summary>
    [Id(2)] public required string App { get; init; }

    [Id(3)] public BuildClass Class { get; init; }

    /// <summary>Among builds of one tenant and class, higher goes first.</summary>
    [Id(4)] public int Priority { get; init; }

    /// <summary>When it was submitted: decides which build of an app is the newest.</summary>
    [Id(5)] public required DateTimeOffset SubmittedAt { get; init; }

    /// <summary>The <see cref="IQueueMember"/> to tell.</summary>
    [Id(7)] public required GrainId Owner { get; init; }

    /// <summary>What a node may have warm for it, most useful first: the app, the builder (<see cref="WarmKeys"/>).</summary>
    [Id(6)] public string[] Warm { get; init; } = [];

    /// <summary>The tenant's bounds when the build was let in; null for those of the pool alone.</summary>
    [Id(60)] public TenantQuota? Quota { get; init; }
}

/// <summary>Names of content that a node may have warm.</summary>
public static class WarmKeys
{
    /// <summary>Source, layers and caches of an app.</summary>
    public static string App(string tenant, string app) => $"app {tenant}/{app}";

    /// <summary>Unpacked layers of a builder.</summary>
    public static string Builder(string location) => $"builder {location}";
}

/// <summary>The queue's answer to a build: exactly one of <see cref="Placement"/>, <see cref="Place"/>, <see cref="Dropped"/> and <see cref="Refusal"/>.</summary>
[GenerateSerializer, Immutable, Alias("grid.QueueAnswer")]
public sealed record QueueAnswer
{
    /// <summary>It runs there.</summary>
    [Id(0)] public BuildPlacement? Placement { get; init; }

    /// <summary>It waits.</summary>
    [Id(1)] public QueuePlace? Place { get; init; }

    /// <summary>It was in the queue and is no longer.</summary>
    [Id(2)] public QueueDrop? Dropped { get; init; }

    /// <summary>It was not taken in: why, and what to do.</summary>
    [Id(3)] public string? Refusal { get; init; }

    /// <summary>When to try again after a <see cref="Refusal"/>; null when nothing is known yet.</summary>
    [Id(4)] public TimeSpan? RetryAfter { get; init; }
}

/// <summary>A build that waits.</summary>
[GenerateSerializer, Immutable, Alias("grid.QueuePlace")]
public sealed record QueuePlace
{
    [Id(0)] public required string BuildKey { get; init; }

    /// <summary>1 for the next one to go.</summary>
    [Id(1)] public required int Position { get; init; }

    /// <summary>Why it does not run now.</summary>
    [Id(2)] public required string Reason { get; init; }

    /// <summary>When it will start if builds take as long as lately; null when nothing is known yet.</summary>
    [Id(3)] public TimeSpan? Estimate { get; init; }

    [Id(4)] public required DateTimeOffset Since { get; init; }
}

/// <summary>A build that left the queue without having run.</summary>
[GenerateSerializer, Immutable, Alias("grid.QueueDrop")]
public sealed record QueueDrop([property: Id(0)] QueueDropKind Kind, [property: Id(1)] string Reason);

/// <summary>Why a build left the queue without having run.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<QueueDropKind>))]
public enum QueueDropKind
{
    /// <summary>A newer build of the app took its place.</summary>
    Replaced = 0,
    /// <summary>It waited longer than the pool allows.</summary>
    TimedOut = 1,
    /// <summary>The process it belonged to is gone, and it with it.</summary>
    Abandoned = 2,
}
