using k8s;
using k8s.Models;

namespace Grid.Deploy.Tests;

/// <summary>The manifests are what the Kubernetes API takes, fit together, and promise what the node does.</summary>
public sealed class KubernetesTests
{
    private static readonly Dictionary<string, Type> Types = new(StringComparer.Ordinal)
    {
        ["v1/Namespace"] = typeof(V1Namespace),
        ["v1/ConfigMap"] = typeof(V1ConfigMap),
        ["v1/Service"] = typeof(V1Service),
        ["v1/ServiceAccount"] = typeof(V1ServiceAccount),
        ["apps/v1/StatefulSet"] = typeof(V1StatefulSet),
        ["policy/v1/PodDisruptionBudget"] = typeof(V1PodDisruptionBudget),
        ["networking.k8s.io/v1/NetworkPolicy"] = typeof(V1NetworkPolicy),
    };

    private readonly List<object> _objects = [.. Files.SelectMany(file => KubernetesYaml.LoadAllFromString(Checkout.Read("deploy/kubernetes/" + file), Types, strict: true))];

    private static IEnumerable<string> Files =>
        Directory.GetFiles(Path.Combine(Checkout.Root, "deploy/kubernetes"), "*.yaml").Select(Path.GetFileName).OfType<string>().Where(name => name != "kustomization.yaml").Order(StringComparer.Ordinal);

    private IEnumerable<V1StatefulSet> Sets => _objects.OfType<V1StatefulSet>();

    [Fact]
    public void Manifests_ReadStrictly_HaveNoFieldThatKubernetesDoesNotKnow()
    {
        _objects.Count.ShouldBe(10);
        _objects.Cast<IMetadata<V1ObjectMeta>>().ShouldAllBe(o => !string.IsNullOrEmpty(o.Metadata.Name));
    }

    [Fact]
    public void Kustomization_Resources_AreTheFilesThatThereAre()
    {
        var named = Checkout.Read("deploy/kubernetes/kustomization.yaml").Split('\n').Where(line => line.StartsWith("  - ", StringComparison.Ordinal) && line.EndsWith(".yaml", StringComparison.Ordinal)).Select(line => line[4..]);
        named.Order(StringComparer.Ordinal).ShouldBe(Files);
    }

    [Fact]
    public void StatefulSets_Select_TheirOwnPods()
    {
        foreach (var set in Sets)
        {
            set.Spec.Selector.MatchLabels.ShouldAllBe(label => set.Spec.Template.Metadata.Labels[label.Key] == label.Value, set.Metadata.Name);
            _objects.OfType<V1PodDisruptionBudget>().Count(budget => budget.Spec.Selector.MatchLabels.SequenceEqual(set.Spec.Selector.MatchLabels)).ShouldBe(1, set.Metadata.Name);
            _objects.OfType<V1Service>().ShouldContain(service => service.Metadata.Name == set.Spec.ServiceName, set.Metadata.Name);
        }
    }

    [Fact]
    public void Pods_HaveProbesOfTheNode_AndTimeToHandOver()
    {
        foreach (var pod in Sets.Select(set => set.Spec.Template.Spec))
        {
            var node = pod.Containers.ShouldHaveSingleItem();
            node.ReadinessProbe.HttpGet.Path.ShouldBe("/health/ready");
            node.LivenessProbe.HttpGet.Path.ShouldBe("/health/live");
            node.StartupProbe.HttpGet.Path.ShouldBe("/health/live");
            node.Ports.Single(port => port.Name == "http").ContainerPort.ShouldBe(7400);
            node.Ports.Single(port => port.Name == "silo").ContainerPort.ShouldBe(11111);
            // docs/operate.md: a node that is stopped ends within 25 seconds.
            pod.TerminationGracePeriodSeconds.ShouldNotBeNull().ShouldBeGreaterThan(30);
            pod.AutomountServiceAccountToken.ShouldBe(false);
        }
    }

    [Fact]
    public void ControlPods_RunNothingOfOthers_AndHaveNoRights()
    {
        var pod = Sets.Single(set => set.Metadata.Name == "grid-control").Spec.Template.Spec;
        pod.SecurityContext.RunAsNonRoot.ShouldBe(true);
        var container = pod.Containers[0];
        container.Command.ShouldContain("control,api");
        container.SecurityContext.AllowPrivilegeEscalation.ShouldBe(false);
        container.SecurityContext.ReadOnlyRootFilesystem.ShouldBe(true);
        container.SecurityContext.Capabilities.Drop.ShouldBe(["ALL"]);
    }

    [Fact]
    public void SiloPorts_AreOpenToOtherNodesOnly()
    {
        var rules = _objects.OfType<V1NetworkPolicy>().ShouldHaveSingleItem().Spec.Ingress;
        rules.Where(rule => rule.FromProperty is null).SelectMany(rule => rule.Ports).Select(port => port.Port.Value).ShouldBe(["7400"]);
    }
}
