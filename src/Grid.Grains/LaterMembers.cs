using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Grid.Grains;

/// <summary>
/// Keeps what a later build of Grid has stored and this one does not know. During a rolling upgrade an older node may read a record and write it again;
/// members it has no property for are held beside the object they were read with, and written with it. An object that is replaced takes nothing along: the
/// records of the machines, which are replaced with each decision, have a property for it instead (docs/contracts.md, ADR 6).
/// </summary>
public static class LaterMembers
{
    private static readonly ConditionalWeakTable<object, Dictionary<string, JsonElement>> Kept = [];

    /// <summary>Makes the JSON of stored state keep what it does not know.</summary>
    public static void Keep(JsonSerializerOptions options) => options.TypeInfoResolver = new DefaultJsonTypeInfoResolver { Modifiers = { AddMember } };

    private static void AddMember(JsonTypeInfo type)
    {
        if (type.Kind != JsonTypeInfoKind.Object || type.Type.IsValueType || type.Properties.Any(p => p.IsExtensionData)
            || type.Type.Namespace?.StartsWith("Grid.", StringComparison.Ordinal) != true)
            return;
        var member = type.CreateJsonPropertyInfo(typeof(Dictionary<string, JsonElement>), "later members");
        member.IsExtensionData = true;
        member.Get = holder => Kept.TryGetValue(holder, out var members) ? members : null;
        member.Set = (holder, members) => Kept.AddOrUpdate(holder, (Dictionary<string, JsonElement>)members!);
        type.Properties.Add(member);
    }
}
