using Orleans.Runtime;

namespace Grid.Grains.Queues;

/// <summary>Which silos are gone, as far as this one knows.</summary>
public interface ISilos
{
    /// <summary>Addresses of silos that are known to be dead.</summary>
    IReadOnlySet<string> Dead();
}

/// <summary>What Orleans' membership says.</summary>
public sealed class MembershipSilos(ISiloStatusOracle oracle) : ISilos
{
    public IReadOnlySet<string> Dead() => oracle.GetApproximateSiloStatuses(onlyActive: false)
        .Where(s => s.Value == SiloStatus.Dead).Select(s => s.Key.ToParsableString()).ToHashSet(StringComparer.Ordinal);
}
