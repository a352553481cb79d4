using Grid.Contracts.Secrets;

namespace Grid.Worker;

/// <summary>What a tenant gives to buildpacks and extensions: opened, in this node's memory, for one piece of work.</summary>
/// <param name="Variables">By name of the variable.</param>
/// <param name="Bindings">By name of the binding.</param>
internal sealed record TenantSecrets(IReadOnlyDictionary<string, byte[]> Variables, IReadOnlyDictionary<string, BindingValue> Bindings)
{
    public static TenantSecrets None { get; } = new(new Dictionary<string, byte[]>(), new Dictionary<string, BindingValue>());
}
