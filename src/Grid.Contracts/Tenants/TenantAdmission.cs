namespace Grid.Contracts.Tenants;

/// <summary>What a tenant's builds reach.</summary>
[System.Text.Json.Serialization.JsonConverter(typeof(System.Text.Json.Serialization.JsonStringEnumConverter<Egress>))]
public enum Egress
{
    /// <summary>What the node's sandboxes let through (<c>sandbox.egress</c>).</summary>
    Open = 0,
    /// <summary>
    /// Nothing but what <see cref="TenantSettings.EgressAllow"/> lists; without a list, processes in sandboxes have no network and ADD fetches nothing. Images and source are read and
    /// written by the node and not affected.
    /// </summary>
    None = 1,
}

/// <summary>A tenant's answer to a build that wants to be let in.</summary>
[GenerateSerializer, Immutable, Alias("grid.TenantAdmission")]
public sealed record TenantAdmission
{
    /// <summary>Bounds of the tenant as they are now; null when there is no such tenant, as in an embedded grid.</summary>
    [Id(0)] public TenantQuota? Quota { get; init; }

    /// <summary>Why the build is not let in; null when it is.</summary>
    [Id(1)] public TenantRefusal? Refusal { get; init; }
}

/// <summary>What queue and phases need to know of a tenant's bounds.</summary>
[GenerateSerializer, Immutable, Alias("grid.TenantQuota")]
public sealed record TenantQuota
{
    /// <summary>Builds that run at once; 0 for no bound.</summary>
    [Id(0)] public int MaxRunning { get; init; }

    /// <summary>Builds that wait; 0 for no bound.</summary>
    [Id(1)] public int MaxQueued { get; init; }

    /// <summary>Share of the grid compared with other tenants when both wait.</summary>
    [Id(2)] public int Weight { get; init; } = 1;

    /// <summary>What its builds reach.</summary>
    [Id(3)] public Egress Egress { get; init; }
}

/// <summary>Something a tenant may not do.</summary>
/// <param name="Code"><see cref="Policy"/> or <see cref="Quota"/>.</param>
/// <param name="Message">What, the limit, and what to do.</param>
/// <param name="Errors">The same by the request's field.</param>
[GenerateSerializer, Immutable, Alias("grid.TenantRefusal")]
public sealed record TenantRefusal([property: Id(0)] string Code, [property: Id(1)] string Message, [property: Id(2)] Dictionary<string, string[]> Errors)
{
    /// <summary>The tenant's policy does not allow it.</summary>
    public const string Policy = "policy-violation";

    /// <summary>The tenant has used up what it may use.</summary>
    public const string Quota = "quota-exceeded";
}
