using Grid.Hosting.Configuration;

namespace Grid.Hosting.Tests;

/// <summary>What tests begin with.</summary>
internal static class Sample
{
    /// <summary>A node without any setting.</summary>
    public static NodeOptions Node { get; } = NodeConfiguration.Read(null, _ => null, []);
}
