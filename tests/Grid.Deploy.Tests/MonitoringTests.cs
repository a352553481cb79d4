using System.Diagnostics;
using System.Text.Json;
using System.Text.RegularExpressions;
using Grid.Architecture.Tests.Telemetry;
using k8s;
using k8s.Models;

namespace Grid.Deploy.Tests;

/// <summary>Dashboards, alert rules and the autoscaler ask for what nodes measure.</summary>
public sealed partial class MonitoringTests
{
    private const string Dashboards = "deploy/telemetry/grafana/dashboards";

    public static TheoryData<string> Files =>
    [
        "deploy/telemetry/alerts.yml", "deploy/kubernetes/monitoring/adapter.yaml", "deploy/kubernetes/monitoring/autoscaler.yaml",
        .. Directory.GetFiles(Path.Combine(Checkout.Root, Dashboards), "*.json").Select(file => Path.GetRelativePath(Checkout.Root, file)).Order(StringComparer.Ordinal),
    ];

    [Theory]
    [MemberData(nameof(Files))]
    public void Names_InQueries_AreMetricsOfTheCodeOrTheirTags(string file)
    {
        var tags = TagName().Matches(Checkout.Read("docs/telemetry.md")).Select(match => match.Groups[1].Value.Replace('.', '_'));
        // What the adapter serves, from one of ours.
        var known = Instruments.All.SelectMany(Instruments.SeriesOf).Concat(tags).Append("grid_pool_demand").ToHashSet(StringComparer.Ordinal);

        Name().Matches(Checkout.Read(file)).Select(match => match.Value).Distinct(StringComparer.Ordinal).ShouldAllBe(name => known.Contains(name));
    }

    [Fact]
    public void Dashboards_Panels_SayWhatTheyShow_AndAskADatasourceThatIsThere()
    {
        var sources = Checkout.Read("deploy/telemetry/grafana/provisioning/datasources/grid.yml");
        foreach (var file in Directory.GetFiles(Path.Combine(Checkout.Root, Dashboards), "*.json"))
        {
            using var document = JsonDocument.Parse(File.ReadAllText(file));
            document.RootElement.GetProperty("uid").GetString().ShouldNotBeNullOrEmpty();
            var panels = document.RootElement.GetProperty("panels").EnumerateArray().ToList();
            panels.Count.ShouldBeGreaterThan(10);
            panels.Select(p => p.GetProperty("id").GetInt32()).ShouldBeUnique();
            foreach (var panel in panels)
            {
                panel.GetProperty("title").GetString().ShouldNotBeNullOrEmpty();
                sources.ShouldContain($"uid: {panel.GetProperty("datasource").GetProperty("uid").GetString()},");
                panel.GetProperty("targets").EnumerateArray().ShouldAllBe(t => t.GetProperty("expr").GetString()!.Length > 0);
            }
        }
    }

    [Fact]
    public async Task Rules_AndScrapeConfiguration_AreWhatPrometheusTakes()
    {
        if (!(Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(directory => File.Exists(Path.Combine(directory, "promtool"))))
            Assert.Skip("promtool is not installed");
        foreach (var arguments in new[] { "check config prometheus.yml", "check rules alerts.yml", "test rules alerts.test.yml" })
        {
            using var promtool = Process.Start(new ProcessStartInfo("promtool", arguments.Split(' ')) { WorkingDirectory = Path.Combine(Checkout.Root, "deploy/telemetry"), UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true })!;
            var said = await Task.WhenAll(promtool.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken), promtool.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken));
            await promtool.WaitForExitAsync(TestContext.Current.CancellationToken);
            promtool.ExitCode.ShouldBe(0, string.Join('\n', said));
        }
    }

    [Fact]
    public void Compose_Prometheus_ScrapesEveryNodeWhereItListens()
    {
        Checkout.Read("docker-compose.yml").ShouldContain("GRID_TELEMETRY_METRICS_LISTEN: 0.0.0.0:9464\n");
        foreach (var node in new[] { "grid-1", "grid-2", "grid-3" })
            Checkout.Read("deploy/telemetry/prometheus.yml").ShouldContain($"\"{node}:9464\"");
    }

    [Fact]
    public void Pods_HaveThePortThatIsScraped()
    {
        Checkout.Read("deploy/kubernetes/settings.yaml").ShouldContain("GRID_TELEMETRY_METRICS_LISTEN: 0.0.0.0:9464\n");
        Checkout.Read("deploy/kubernetes/monitoring/podmonitor.yaml").ShouldContain("{ port: metrics, path: /metrics,");
        foreach (var file in new[] { "control", "workers" })
        {
            var set = KubernetesYaml.LoadAllFromString(Checkout.Read($"deploy/kubernetes/{file}.yaml"), new Dictionary<string, Type> { ["apps/v1/StatefulSet"] = typeof(V1StatefulSet), ["policy/v1/PodDisruptionBudget"] = typeof(V1PodDisruptionBudget) }, strict: true).OfType<V1StatefulSet>().Single();
            set.Spec.Template.Metadata.Annotations["prometheus.io/port"].ShouldBe("9464");
            set.Spec.Template.Spec.Containers.Single().Ports.Single(port => port.Name == "metrics").ContainerPort.ShouldBe(9464);
        }
    }

    [Fact]
    public void Autoscaler_ScalesTheWorkers_ByWhatTheAdapterServes()
    {
        var autoscaler = KubernetesYaml.LoadAllFromString(Checkout.Read("deploy/kubernetes/monitoring/autoscaler.yaml"), new Dictionary<string, Type> { ["autoscaling/v2/HorizontalPodAutoscaler"] = typeof(V2HorizontalPodAutoscaler) }, strict: true)
            .OfType<V2HorizontalPodAutoscaler>().ShouldHaveSingleItem();
        autoscaler.Spec.ScaleTargetRef.Name.ShouldBe("grid-worker");
        autoscaler.Spec.MinReplicas.ShouldNotBeNull().ShouldBeGreaterThan(0);
        autoscaler.Spec.Metrics.ShouldHaveSingleItem().External.Metric.Name.ShouldBe("grid_pool_demand");
        autoscaler.Spec.Behavior.ScaleDown.Policies.ShouldHaveSingleItem().Value.ShouldBe(1);
        Checkout.Read("deploy/kubernetes/monitoring/adapter.yaml").ShouldContain("as: grid_pool_demand");
    }

    [GeneratedRegex("(?<![\\w/-])grid_[a-z_]+")]
    private static partial Regex Name();

    [GeneratedRegex("`(grid\\.[a-z_.]+)`")]
    private static partial Regex TagName();
}
