using System.Net;
using System.Text.RegularExpressions;
using Grid.Hosting.Configuration;
using k8s;
using k8s.Models;

namespace Grid.Deploy.Tests;

/// <summary>A pod's command and variables, read as the node in it reads them, say what the rest of the manifests says.</summary>
public sealed partial class PodSettingsTests
{
    private static readonly IReadOnlyDictionary<string, Type> Types = new Dictionary<string, Type>(StringComparer.Ordinal)
    {
        ["v1/ConfigMap"] = typeof(V1ConfigMap), ["v1/ServiceAccount"] = typeof(V1ServiceAccount), ["apps/v1/StatefulSet"] = typeof(V1StatefulSet), ["policy/v1/PodDisruptionBudget"] = typeof(V1PodDisruptionBudget),
    };

    /// <summary>What only the cluster knows.</summary>
    private const string PodAddress = "10.1.2.3";

    [Theory]
    [InlineData("control.yaml", NodeRoles.Control | NodeRoles.Api)]
    [InlineData("workers.yaml", NodeRoles.Worker)]
    public void Node_InAPod_ListensWhereTheManifestSays(string file, NodeRoles roles)
    {
        var pod = PodOf(file);
        var container = pod.Spec.Containers[0];

        var node = Read(container);

        node.Roles.ShouldBe(roles);
        var ports = container.Ports.ToDictionary(p => p.Name, p => p.ContainerPort, StringComparer.Ordinal);
        node.Http.ShouldBe(new IPEndPoint(IPAddress.Any, ports["http"]));
        node.Telemetry.MetricsListen.ShouldBe(new IPEndPoint(IPAddress.Any, ports["metrics"]));
        pod.Metadata.Annotations["prometheus.io/port"].ShouldBe($"{ports["metrics"]}");
        (node.ListenAddress, node.AdvertisedAddress, node.SiloPort).ShouldBe((IPAddress.Any, IPAddress.Parse(PodAddress), ports["silo"]));
        if (roles.HasFlag(NodeRoles.Control))
            node.GatewayPort.ShouldBe(ports["gateway"]);
        // Everything that is written is on a volume; keys that all nodes share come with the connections.
        container.VolumeMounts.ShouldContain(mount => mount.MountPath == node.Node.DataDirectory);
        node.SecretKeys.ShouldNotBeNull();
        if (roles.HasFlag(NodeRoles.Api))
            container.VolumeMounts.Single(mount => mount.Name == "operator").MountPath.ShouldBe(Path.GetDirectoryName(node.OperatorKeyFile));
    }

    [Fact]
    public void Cluster_OfPods_KeepsNothingInOneOfThem()
    {
        foreach (var file in new[] { "control.yaml", "workers.yaml" })
        {
            var node = Read(PodOf(file).Spec.Containers[0]);
            (node.Membership, node.Reminders, node.State, node.Content, node.Events).ShouldBe((Membership.Redis, ReminderStorage.Redis, StateStorage.Azure, SharedContent.Azure, EventStorage.Azure), file);
        }
    }

    [Fact]
    public void Autoscaler_CountsOnTheSlotsOfAWorker()
    {
        var autoscaler = KubernetesYaml.Deserialize<V2HorizontalPodAutoscaler>(Checkout.Read("deploy/kubernetes/monitoring/autoscaler.yaml"));

        autoscaler.Spec.Metrics.ShouldHaveSingleItem().External.Target.AverageValue.ToString().ShouldBe($"{Read(PodOf("workers.yaml").Spec.Containers[0]).Slots}");
    }

    /// <summary>As <c>grid serve</c> reads them: flags of the command, then variables of the pod, of the secret that docs/deploy.md has made, and of the image.</summary>
    private static NodeOptions Read(V1Container container)
    {
        var variables = Documented().ToDictionary(StringComparer.Ordinal);
        foreach (Match match in ImageVariable().Matches(Checkout.Read("deploy/images/node.Dockerfile")))
            variables[match.Groups[1].Value] = match.Groups[2].Value;
        foreach (var (name, value) in Objects("settings.yaml").OfType<V1ConfigMap>().Single().Data)
            variables[name] = value;
        foreach (var variable in container.Env)
            variables[variable.Name] = variable.Value ?? (variable.ValueFrom.FieldRef.FieldPath == "status.podIP" ? PodAddress : "grid-0");
        var flags = container.Command.SkipWhile(word => !word.StartsWith("--", StringComparison.Ordinal)).Chunk(2)
            .Select(flag => (NodeSettings.All.Single(setting => setting.Flag == flag[0]), (IReadOnlyList<string>)[flag[1]]));
        return NodeConfiguration.Read(null, variables.GetValueOrDefault, flags);
    }

    /// <summary>The secret with the connections, as docs/deploy.md has it made, with values that a node takes.</summary>
    private static IEnumerable<KeyValuePair<string, string>> Documented() =>
        from Match literal in Literal().Matches(Checkout.Read("docs/deploy.md"))
        select KeyValuePair.Create(literal.Groups[1].Value, literal.Groups[1].Value switch
        {
            "GRID_REDIS_CONNECTION" => "redis:6379",
            "GRID_AZURE_CONNECTION" => "https://account.blob.example/?sig=x",
            "GRID_SECRETS_KEYS" => "k1:" + Convert.ToBase64String(new byte[32]),
            var other => throw new InvalidOperationException($"docs/deploy.md has {other} put into the secret, which this test does not know"),
        });

    private static V1PodTemplateSpec PodOf(string file) => Objects(file).OfType<V1StatefulSet>().Single().Spec.Template;

    private static List<object> Objects(string file) => KubernetesYaml.LoadAllFromString(Checkout.Read("deploy/kubernetes/" + file), new Dictionary<string, Type>(Types), strict: true);

    [GeneratedRegex(@"--from-literal=(GRID_[A-Z_]+)=")]
    private static partial Regex Literal();

    [GeneratedRegex(@"(GRID_[A-Z_]+)=(\S+)")]
    private static partial Regex ImageVariable();
}
