using System.Text.Json.Serialization;

namespace Grid.Contracts.Tenants;

/// <summary>What a caller may do; each role may do all that the ones before it may.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<Role>))]
public enum Role
{
    /// <summary>Look at builds, apps and logs of its tenant.</summary>
    Viewer = 0,
    /// <summary>Submit, cancel and retry builds of its tenant.</summary>
    Builder = 1,
    /// <summary>Manage its tenant: keys, secrets, registries.</summary>
    Admin = 2,
    /// <summary>Run the grid: every tenant, quotas, nodes.</summary>
    Operator = 3,
}
