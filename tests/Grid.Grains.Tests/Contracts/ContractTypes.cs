using System.Reflection;
using Grid.Contracts.Builds;
using Grid.Contracts.Events;
using Grid.Grains.Builds;
using Orleans.Runtime;
using Orleans.Serialization.Invocation;

namespace Grid.Grains.Tests.Contracts;

/// <summary>Everything that one build of Grid writes and another may read.</summary>
internal static class ContractTypes
{
    private static readonly Assembly Contracts = typeof(BuildRequest).Assembly;

    /// <summary>What travels between silos.</summary>
    public static IReadOnlyList<Type> Messages { get; } = [.. Contracts.GetTypes().Where(t => !t.IsAbstract && t.IsDefined(typeof(GenerateSerializerAttribute), false) && !typeof(IInvokable).IsAssignableFrom(t))];

    /// <summary>Calls of grains, as they travel.</summary>
    public static IReadOnlyList<Type> Requests { get; } = [.. Contracts.GetTypes().Where(t => !t.IsAbstract && typeof(IInvokable).IsAssignableFrom(t))];

    /// <summary>What grains store.</summary>
    public static IReadOnlyList<Type> States { get; } = [.. typeof(BuildGrainState).Assembly.GetTypes().Where(t => t.Name.EndsWith("State", StringComparison.Ordinal) && t.GetProperty("SchemaVersion") is not null)];

    /// <summary>What stands in journals.</summary>
    public static IReadOnlyList<Type> Events { get; } = [.. typeof(BuildEvent).Assembly.GetTypes().Where(t => t.IsSubclassOf(typeof(BuildEvent)))];

    /// <summary>What is stored under which name: the names are part of where it is stored.</summary>
    public static IReadOnlyDictionary<string, string> StateNames => typeof(BuildGrainState).Assembly.GetTypes().Where(t => t.IsSubclassOf(typeof(Grain)))
        .SelectMany(t => t.GetConstructors().SelectMany(c => c.GetParameters()))
        .Where(p => p.IsDefined(typeof(PersistentStateAttribute), false))
        .ToDictionary(p => p.GetCustomAttribute<PersistentStateAttribute>()!.StateName!, p => AliasOf(p.ParameterType.GetGenericArguments()[0]), StringComparer.Ordinal);

    /// <summary>The name a type has on the wire and in storage.</summary>
    public static string AliasOf(Type type) => type.GetCustomAttribute<AliasAttribute>(false)?.Alias ?? throw new InvalidOperationException($"{type} has no alias");
}
