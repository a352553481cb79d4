using System.Text.RegularExpressions;
using Grid.Hosting.Configuration;

namespace Grid.Deploy.Tests;

/// <summary>What deployments set is what nodes read: a variable with another name would be ignored without a word.</summary>
public sealed partial class SettingsTests
{
    private static readonly string[] Files = ["docker-compose.yml", "deploy/images/grid-node", "deploy/images/node.Dockerfile", "deploy/systemd/grid.service"];

    public static TheoryData<string> Deployments =>
        [.. Files, .. Directory.GetFiles(Path.Combine(Checkout.Root, "deploy/kubernetes"), "*.yaml").Select(file => Path.GetRelativePath(Checkout.Root, file)).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Deployments))]
    public void Variables_OfADeployment_AreSettingsOfANode(string file)
    {
        var known = NodeSettings.All.Select(setting => setting.Variable).ToHashSet(StringComparer.Ordinal);
        Variable().Matches(Checkout.Read(file)).Select(match => match.Value).Distinct(StringComparer.Ordinal).ShouldAllBe(name => known.Contains(name));
    }

    [Fact]
    public void Compose_EveryNode_HasItsOwnNameAndVolume()
    {
        var compose = Checkout.Read("docker-compose.yml");
        foreach (var node in new[] { "grid-1", "grid-2", "grid-3" })
        {
            compose.ShouldContain($"GRID_NODE_NAME: {node}\n");
            compose.ShouldContain($"\"{node}:/var/lib/grid\"");
        }
    }

    /// <summary>Set or read by the deployment; <c>${GRID_…:-}</c> is the deployment's own, from whoever calls compose.</summary>
    [GeneratedRegex("(?<!\\$\\{)GRID_[A-Z0-9_]+")]
    private static partial Regex Variable();
}
