using System.Net;
using Grid.Hosting.Configuration;
using Grid.Hosting.Telemetry;
using Grid.Hosting.Tests.Servers;

namespace Grid.Hosting.Tests.Configuration;

public sealed class NodeConfigurationTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("grid-config-").FullName;

    private string FileName => Path.Combine(_directory, "grid.toml");

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    private NodeOptions Read(string toml = "", Dictionary<string, string>? variables = null, params (Setting, string[])[] flags)
    {
        File.WriteAllText(FileName, toml);
        return NodeConfiguration.Read(FileName, name => variables?.GetValueOrDefault(name), flags.Select(f => (f.Item1, (IReadOnlyList<string>)f.Item2)));
    }

    private IReadOnlyList<string> ErrorsOf(string toml = "", Dictionary<string, string>? variables = null, params (Setting, string[])[] flags) =>
        Should.Throw<ConfigurationException>(() => Read(toml, variables, flags)).Errors;

    [Fact]
    public void Without_settings_a_node_is_a_grid_of_its_own_on_loopback()
    {
        var options = Read();

        options.Roles.ShouldBe(NodeRoles.All);
        options.Membership.ShouldBe(Membership.Localhost);
        options.Reminders.ShouldBe(ReminderStorage.Memory);
        options.State.ShouldBe(StateStorage.File);
        options.ListenAddress.ShouldBe(IPAddress.Loopback);
        options.Http.ShouldBe(new IPEndPoint(IPAddress.Loopback, 7400));
        options.Name.ShouldBe(Environment.MachineName);
    }

    [Fact]
    public void Telemetry_names_a_receiver_and_where_metrics_are_read()
    {
        var telemetry = Read("""
            [telemetry]
            otlp-endpoint = "https://collector.internal:4318"
            otlp-protocol = "http/protobuf"
            otlp-signals = ["traces", "logs"]
            metrics-listen = "10.0.0.7:9464"
            """, new() { ["GRID_TELEMETRY_OTLP_HEADERS"] = "authorization=secret" }).Telemetry;

        telemetry.Endpoint.ShouldBe("https://collector.internal:4318");
        telemetry.Protocol.ShouldBe("http/protobuf");
        telemetry.Headers.ShouldBe("authorization=secret");
        telemetry.Signals.ShouldBe(Signals.Traces | Signals.Logs);
        telemetry.MetricsListen.ShouldBe(new IPEndPoint(IPAddress.Parse("10.0.0.7"), 9464));
        Read("[telemetry]\nmetrics-listen = '[::1]:0'").Telemetry.MetricsListen.ShouldBe(new IPEndPoint(IPAddress.IPv6Loopback, 0));
        Read().Telemetry.ShouldBe(new TelemetryOptions());
        ErrorsOf("[telemetry]\nmetrics-listen = '127.0.0.1'\notlp-endpoint = 'collector:4317'\notlp-protocol = 'json'").Count.ShouldBe(3);
    }

    [Fact]
    public void A_step_of_a_Dockerfile_may_take_an_hour_unless_told_otherwise()
    {
        Read().Node.StepTimeout.ShouldBe(TimeSpan.FromHours(1));
        Read("sandbox.step-timeout = \"90m\"").Node.StepTimeout.ShouldBe(TimeSpan.FromMinutes(90));
        ErrorsOf("sandbox.step-timeout = \"31d\"").ShouldHaveSingleItem().ShouldEndWith("want at most 30d");
    }

    [Fact]
    public void A_whole_file_is_read()
    {
        var options = Read("""
            role = ["control", "api"]
            data-dir = "/var/lib/grid"
            insecure-registry = ["registry.internal:5000"]
            [node]
            name = "a1"
            [listen]
            address = "0.0.0.0"
            advertise = "10.0.0.7"
            silo-port = 0
            [cluster]
            membership = "redis"
            id = "blue"
            probe-timeout = 500
            [redis]
            connection = "10.0.0.1:6379"
            [azure]
            connection = "https://account.blob.core.windows.net/?sv=x&sig=y"
            [state]
            storage = "azure"
            [content]
            shared = "azure"
            [events]
            storage = "azure"
            [sandbox]
            memory = 512
            """);

        options.Roles.ShouldBe(NodeRoles.Control | NodeRoles.Api);
        options.Node.DataDirectory.ShouldBe("/var/lib/grid");
        options.Node.InsecureRegistries.ShouldBe(["registry.internal:5000"]);
        options.Name.ShouldBe("a1");
        options.AdvertisedAddress.ShouldBe(IPAddress.Parse("10.0.0.7"));
        options.Membership.ShouldBe(Membership.Redis);
        options.Reminders.ShouldBe(ReminderStorage.Redis);
        options.ProbeTimeout.ShouldBe(TimeSpan.FromMilliseconds(500));
        options.Node.SandboxMemoryBytes.ShouldBe(512L * 1024 * 1024);
    }

    [Fact]
    public void A_flag_wins_over_the_environment_and_that_over_the_file()
    {
        var variables = new Dictionary<string, string> { ["GRID_NODE_NAME"] = "variable", ["GRID_CLUSTER_ID"] = "variable" };
        var options = Read("[node]\nname = \"file\"\n[cluster]\nid = \"file\"\nservice = \"file\"", variables, (NodeSettings.NodeName, ["flag"]));

        (options.Name, options.ClusterId, options.ServiceId).ShouldBe(("flag", "variable", "file"));
    }

    [Fact]
    public void A_list_is_separated_by_commas_or_given_several_times()
    {
        Read(variables: new() { ["GRID_ROLE"] = "control, worker" }).Roles.ShouldBe(NodeRoles.Control | NodeRoles.Worker);
        Read(flags: (NodeSettings.Role, ["worker", "api"])).Roles.ShouldBe(NodeRoles.Worker | NodeRoles.Api);
    }

    [Fact]
    public void Every_error_is_named_with_its_place()
    {
        var errors = ErrorsOf("""
            rol = ["control"]
            data-dir = 3
            [listen]
            silo-port = 70000
            address = "here"
            [state]
            storage = "disk"
            [nothing]
            at = "all"
            """, new() { ["GRID_CLUSTER_MEMBERSHIP"] = "zookeeper" }, (NodeSettings.GatewayPort, ["x"]), (NodeSettings.Role, ["boss"]));

        errors.ShouldBe([
            $"{FileName}:1: there is no setting 'rol'",
            $"{FileName}:2: data-dir: want a string, not an integer",
            $"{FileName}:8: there is no setting 'nothing'",
            "GRID_CLUSTER_MEMBERSHIP 'zookeeper': want localhost, redis or postgresql",
            $"{FileName}:5: listen.address 'here': want an IP address",
            "--role 'boss': want control, worker or api",
            $"{FileName}:4: listen.silo-port '70000': want a whole number from 0 to 65535",
            "--listen-gateway-port 'x': want a whole number from 0 to 65535",
            $"{FileName}:7: state.storage 'disk': want file, azure, redis or postgresql",
        ], ignoreOrder: true);
    }

    [Fact]
    public void A_cluster_without_shared_storage_is_refused_setting_by_setting()
    {
        var errors = ErrorsOf(variables: new() { ["GRID_CLUSTER_MEMBERSHIP"] = "redis", ["GRID_CLUSTER_REMINDERS"] = "memory" });

        errors.Count.ShouldBe(5);
        errors.ShouldContain(e => e.StartsWith("redis.connection: is missing, and cluster.membership needs it; set GRID_REDIS_CONNECTION", StringComparison.Ordinal));
        foreach (var setting in new[] { NodeSettings.State, NodeSettings.Reminders, NodeSettings.Content, NodeSettings.Events })
            errors.ShouldContain(e => e.StartsWith(setting.Name, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("GRID_REDIS_CONNECTION", "abortConnect=false", "want host:port")]
    [InlineData("GRID_POSTGRESQL_CONNECTION", "secret=1", "want Host=")]
    [InlineData("GRID_AZURE_CONNECTION", "secret", "want a connection string")]
    public void A_connection_that_cannot_be_read_is_refused_without_showing_it(string variable, string value, string reason)
    {
        var error = ErrorsOf(variables: new() { [variable] = value }).ShouldHaveSingleItem();

        error.ShouldStartWith(variable);
        error.ShouldContain(reason);
        error.ShouldNotContain(value);
    }

    [Theory]
    [InlineData("a b")]
    [InlineData("a/b")]
    [InlineData("a#1")]
    public void A_node_name_that_would_break_handles_is_refused(string name) =>
        ErrorsOf(flags: (NodeSettings.NodeName, [name])).ShouldHaveSingleItem().ShouldContain("want a name");

    [Fact]
    public void Labels_are_names_with_values()
    {
        Read(variables: new() { ["GRID_NODE_LABEL"] = "disk=fast,zone=" }).Labels.ShouldBe(new Dictionary<string, string> { ["disk"] = "fast", ["zone"] = "" });
        ErrorsOf(flags: (NodeSettings.NodeLabel, ["disk", "a=1", "a=2", "=x"])).Count.ShouldBe(3);
    }

    [Fact]
    public void Listening_everywhere_needs_an_address_to_tell() =>
        ErrorsOf(flags: (NodeSettings.ListenAddress, ["0.0.0.0"])).ShouldHaveSingleItem().ShouldContain("listen.advertise");

    [Fact]
    public void A_container_name_is_checked() =>
        ErrorsOf(flags: (NodeSettings.StateContainer, ["No"])).ShouldHaveSingleItem().ShouldContain("lower-case");

    [Fact]
    public void A_file_that_is_no_toml_or_not_there_is_one_error()
    {
        ErrorsOf("role = [").ShouldHaveSingleItem().ShouldStartWith($"{FileName}:");
        Should.Throw<ConfigurationException>(() => NodeConfiguration.Read(Path.Combine(_directory, "none.toml"), _ => null, [])).Errors.ShouldHaveSingleItem().ShouldContain("none.toml");
    }

    [Fact]
    public void Names_variables_and_flags_are_unique_and_secrets_have_no_flag()
    {
        NodeSettings.All.Count.ShouldBeGreaterThan(25);
        NodeSettings.All.Select(s => s.Variable).ShouldBeUnique();
        NodeSettings.All.Select(s => s.Flag).ShouldBeUnique();
        NodeSettings.All.Where(s => s.IsSecret).Select(s => s.Name).ShouldBe(["redis.connection", "postgresql.connection", "azure.connection", "secrets.keys", "telemetry.otlp-headers"]);
    }

    [Fact]
    public void The_page_of_settings_is_current()
    {
        var page = Path.Combine(TestServers.Root, "docs/configuration.md");
        if (Environment.GetEnvironmentVariable("GRID_UPDATE_DOCS") == "1")
            File.WriteAllText(page, ConfigurationPage.Write());

        File.ReadAllText(page).ShouldBe(ConfigurationPage.Write(), "run this test with GRID_UPDATE_DOCS=1");
    }
}
