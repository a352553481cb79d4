using System.Reflection;

namespace Grid.Hosting.Configuration;

/// <summary>Every setting of <c>grid serve</c>. <c>docs/configuration.md</c> is made from this list.</summary>
public static class NodeSettings
{
    public static readonly Setting Role = new("role", SettingKind.List, "control, worker, api", "What this node does: `control` holds grains, `worker` runs sandboxes, `api` answers HTTP requests besides health") { Words = ["control", "worker", "api"] };
    public static readonly Setting DataDirectory = new("data-dir", SettingKind.Text, "~/.local/share/grid", "Where this node keeps content, unpacked layers and running builds; grain state and journals too when they are files");
    public static readonly Setting Launcher = new("launcher", SettingKind.Text, "`launcher` beside the program", "File of the launcher for app images whose builder brings none");
    public static readonly Setting InsecureRegistry = new("insecure-registry", SettingKind.List, "", "Registries to speak plain http with, besides loopback ones");
    public static readonly Setting PrivateHost = new("private-host", SettingKind.List, "", "Hosts that builds may name although their addresses are not public: registries, and servers of `ADD https://…`. Those in `insecure-registry` need not be here too. List a registry on this machine as `127.0.0.1` or `localhost`, as images name it");

    public static readonly Setting NodeName = new("node.name", SettingKind.Text, "the machine's name", "Name of this node, stable over restarts and unique in the cluster");

    public static readonly Setting NodePool = new("node.pool", SettingKind.Text, "default", "Pool of workers this node belongs to; a build names the pool that is to run it");
    public static readonly Setting NodeSlots = new("node.slots", SettingKind.Number, "0", "Builds this node works for at a time; 0 for half as many as it has processors, at least one") { Range = (0, 1024) };
    public static readonly Setting NodeLabel = new("node.label", SettingKind.List, "", "What is special about this node, for people: `disk=fast`");

    public static readonly Setting ListenAddress = new("listen.address", SettingKind.Text, "127.0.0.1", "Address other silos and clients connect to; `0.0.0.0` for all of the machine's");
    public static readonly Setting Advertise = new("listen.advertise", SettingKind.Text, "`listen.address`", "Address that others are told; needed when `listen.address` is `0.0.0.0`");
    public static readonly Setting SiloPort = new("listen.silo-port", SettingKind.Number, "11111", "Port for other silos; 0 for a free one") { Range = (0, 65535) };
    public static readonly Setting GatewayPort = new("listen.gateway-port", SettingKind.Number, "30000", "Port for clients of the cluster; 0 for a free one") { Range = (0, 65535) };
    public static readonly Setting HttpAddress = new("listen.http-address", SettingKind.Text, "127.0.0.1", "Address of the HTTP endpoint");
    public static readonly Setting HttpPort = new("listen.http-port", SettingKind.Number, "7400", "Port of the HTTP endpoint with `/health/live`, `/health/ready` and the API; 0 for a free one") { Range = (0, 65535) };

    public static readonly Setting Membership = new("cluster.membership", SettingKind.Word, "localhost", "Where silos find each other: `localhost` is a cluster of this one silo") { Words = ["localhost", "redis", "postgresql"] };
    public static readonly Setting Reminders = new("cluster.reminders", SettingKind.Word, "as `cluster.membership`", "Where reminders are kept; `memory` forgets them when the silo stops") { Words = ["memory", "redis", "postgresql"] };
    public static readonly Setting ServiceId = new("cluster.service", SettingKind.Text, "grid", "Name under which state is kept. Never change it: another name is another, empty grid");
    public static readonly Setting ClusterId = new("cluster.id", SettingKind.Text, "grid", "Silos with the same name form one cluster");
    public static readonly Setting ProbeTimeout = new("cluster.probe-timeout", SettingKind.Number, "2000", "Milliseconds a silo waits for another's answer before it counts a miss. Smaller finds a dead node sooner and declares a busy one dead more easily") { Range = (100, 60_000) };
    public static readonly Setting MissedProbes = new("cluster.missed-probes", SettingKind.Number, "3", "Misses in a row after which a silo votes another dead; two votes decide") { Range = (1, 100) };

    public static readonly Setting Redis = new("redis.connection", SettingKind.Text, "", "Redis, as StackExchange.Redis writes it: `host:port,password=…,ssl=true`") { IsSecret = true };
    public static readonly Setting PostgreSql = new("postgresql.connection", SettingKind.Text, "", "PostgreSQL, as Npgsql writes it: `Host=…;Username=…;Password=…;Database=…`. Apply `deploy/sql` first") { IsSecret = true };
    public static readonly Setting Azure = new("azure.connection", SettingKind.Text, "", "Azure Storage account: a connection string, or the blob service's address with a SAS; managed identities are not used") { IsSecret = true };

    public static readonly Setting State = new("state.storage", SettingKind.Word, "file", "Where grain state is kept; `file` serves a cluster of one silo only") { Words = ["file", "azure", "redis", "postgresql"] };
    public static readonly Setting StateContainer = new("state.container", SettingKind.Text, "grid-state", "Container in the Azure account");

    public static readonly Setting Content = new("content.shared", SettingKind.Word, "none", "Tier of content behind the nodes' own stores, which a cluster of several nodes needs: `directory` on a file system that all nodes see, or `azure`") { Words = ["none", "directory", "azure"] };
    public static readonly Setting ContentDirectory = new("content.directory", SettingKind.Text, "", "Directory of the shared tier");
    public static readonly Setting ContentContainer = new("content.container", SettingKind.Text, "grid-content", "Container in the Azure account");

    public static readonly Setting ContentKeepUnused = new("content.keep-unused", SettingKind.Text, "14d", "How long the shared tier keeps content that nobody uses and no cached step or unfinished build needs, and the grid that a tenant has uploaded it; at least `1d`. The same on all nodes");
    public static readonly Setting ContentMax = new("content.max", SettingKind.Text, "", "Room for content in the shared tier, such as `2TB`: what was not used for longest goes first, nothing that is needed. No bound by default. The same on all nodes");

    public static readonly Setting BuildsKeep = new("builds.keep", SettingKind.Text, "30d", "How long a finished build and its journal are kept; the newest that an app has published stays. The same on all nodes");
    public static readonly Setting BuildsKeepPerApp = new("builds.keep-per-app", SettingKind.Number, "0", "Finished builds kept of one app; 0 for no bound. The same on all nodes") { Range = (0, 1_000_000) };

    public static readonly Setting Events = new("events.storage", SettingKind.Word, "file", "Where build journals are kept: `azure` lets every node read them, also when the node that wrote them is gone") { Words = ["file", "azure"] };
    public static readonly Setting EventsContainer = new("events.container", SettingKind.Text, "grid-events", "Container in the Azure account");

    public static readonly Setting OperatorKeyFile = new("api.operator-key-file", SettingKind.Text, "`operator-key` in the data directory", "File with an operator's API key; made with a new key when it is missing");
    public static readonly Setting MaxUpload = new("api.max-upload", SettingKind.Number, "2048", "Largest source archive in MiB") { Range = (1, 1 << 20) };
    public static readonly Setting KeepUploads = new("api.keep-unfinished-uploads", SettingKind.Text, "24h", "How long this node keeps what it received of an archive whose upload was broken off, after its last byte. Until then the upload can be gone on with");
    public static readonly Setting KeepKeys = new("api.keep-idempotency-keys", SettingKind.Text, "24h", "How long an `Idempotency-Key` stands for the build it was used for first; after that it is as good as new. At least `1h`. The same on all nodes");
    public static readonly Setting RequestRate = new("api.requests-per-second", SettingKind.Number, "100", "Requests a second of one caller, over ten seconds") { Range = (1, 1_000_000) };
    public static readonly Setting OrleansDashboard = new("api.orleans-dashboard", SettingKind.Word, "off", "Orleans' own dashboard at `/orleans/`, for operators. The same on all nodes: each tells it what it does") { Words = ["off", "on"] };
    public static readonly Setting SecretKeyFile = new("secrets.key-file", SettingKind.Text, "`secret-keys` in the data directory", "File with the keys that tenants' secrets are sealed with, `ID:BASE64` on each line; the first seals, the others still open. A grid of one node makes it; nodes of a cluster (roles api and worker) are given the same one");
    public static readonly Setting SecretKeys = new("secrets.keys", SettingKind.Text, "", "The same keys in place of a file, with commas between them") { IsSecret = true };
    public static readonly Setting AuditKeep = new("audit.keep", SettingKind.Text, "400d", "How long entries of audit logs are kept at least");
    public static readonly Setting OidcAuthority = new("oidc.authority", SettingKind.Text, "", "Issuer whose OIDC tokens are accepted besides API keys: an https address");
    public static readonly Setting OidcAudience = new("oidc.audience", SettingKind.Text, "grid", "Audience that OIDC tokens must be for");
    public static readonly Setting OidcTenantClaim = new("oidc.tenant-claim", SettingKind.Text, "grid_tenant", "Claim with the tenant's name");
    public static readonly Setting OidcRoleClaim = new("oidc.role-claim", SettingKind.Text, "grid_role", "Claim with the role: viewer, builder, admin or operator");

    public static readonly Setting OtlpEndpoint = new("telemetry.otlp-endpoint", SettingKind.Text, "", "Address of an OpenTelemetry collector or another receiver of OTLP, such as `http://collector:4317`. The standard variables (`OTEL_EXPORTER_OTLP_ENDPOINT` and the others) win over these settings");
    public static readonly Setting OtlpProtocol = new("telemetry.otlp-protocol", SettingKind.Word, "grpc", "How that receiver is spoken to") { Words = ["grpc", "http/protobuf"] };
    public static readonly Setting OtlpHeaders = new("telemetry.otlp-headers", SettingKind.Text, "", "Headers for that receiver: `name=value`, with commas between them") { IsSecret = true };
    public static readonly Setting OtlpSignals = new("telemetry.otlp-signals", SettingKind.List, "traces, metrics, logs", "What is sent there") { Words = ["traces", "metrics", "logs"] };
    public static readonly Setting MetricsListen = new("telemetry.metrics-listen", SettingKind.Text, "", "Address and port where `/metrics` is read without a key, and nothing else: `10.0.0.7:9464`; port 0 for a free one. Without it, nodes with the role api have `/metrics` for operators' keys on their HTTP endpoint, and others none");

    public static readonly Setting Sandbox = new("sandbox.kind", SettingKind.Word, "auto", "What runs sandboxes: an OCI runtime, a Docker engine, or the first of them that works") { Words = ["auto", "oci", "docker"] };
    public static readonly Setting SandboxEgress = new("sandbox.egress", SettingKind.Word, "auto", "What processes with a network reach: `open` is all but this machine and metadata services, `host` is this machine's network, `auto` is `open` where slirp4netns works") { Words = ["auto", "open", "none", "host"] };
    public static readonly Setting SandboxEgressAllow = new("sandbox.egress-allow", SettingKind.List, "", "Destinations that are all that builds on this node reach, where the list is not empty: hosts, `*.example.com`, IPv4 addresses and blocks, each also with `:port`. A tenant's own list holds besides. Needs an OCI runtime and `open`");
    public static readonly Setting SandboxRuntime = new("sandbox.runtime", SettingKind.Text, "the first that works", "OCI runtime: `runc`, `crun` or a path");
    public static readonly Setting SandboxCaBundle = new("sandbox.ca-bundle", SettingKind.Text, "", "PEM file of authorities that processes in sandboxes trust");
    public static readonly Setting SandboxMemory = new("sandbox.memory", SettingKind.Number, "0", "Memory for one sandbox in MiB; 0 for no bound") { Range = (0, 1 << 30) };
    public static readonly Setting SandboxProcesses = new("sandbox.max-processes", SettingKind.Number, "4096", "Processes and threads in one sandbox") { Range = (16, 1 << 22) };
    public static readonly Setting SandboxStepTimeout = new("sandbox.step-timeout", SettingKind.Text, "1h", "How long one step of a Dockerfile may take before it is stopped and the build fails, such as `90m`; `0s` for no bound");
    public static readonly Setting SandboxOrphanTime = new("sandbox.orphan-time", SettingKind.Number, "120", "Seconds a sandbox goes on when its node's process has died, for the next one to go on with it; then it ends by itself. The next one waits as long for its build to ask for it. 0 lets nothing go on: what is left ends at the node's next start. With an OCI runtime only") { Range = (0, 3600) };

    public static readonly Setting CacheMax = new("cache.max", SettingKind.Text, "", "Room for content and unpacked layers on this node, such as `200GB`: each collection goes back to it, and at one and a half times of it no more content is taken. No bound by default");
    public static readonly Setting CacheTenantMax = new("cache.tenant-max", SettingKind.Text, "", "Room for the cached step layers of one tenant, such as `20GB`. No bound by default");
    public static readonly Setting CacheStepAge = new("cache.step-age", SettingKind.Text, "14d", "How long the result of a Dockerfile step is used");
    public static readonly Setting CacheKeepUnused = new("cache.keep-unused", SettingKind.Text, "14d", "How long content is kept that nobody uses");
    public static readonly Setting CacheTrustedImages = new("cache.trusted-images", SettingKind.List, "", "Manifest digests of the builder and run images whose extension steps all tenants may share");
    public static readonly Setting CacheSharedExtensions = new("cache.shared-extensions", SettingKind.List, "", "Extensions of those builders whose steps may be shared: `id`, `id@version`, and with `+network` behind it when RUN may use the network");

    /// <summary>All of them, in the order of the page.</summary>
    public static IReadOnlyList<Setting> All { get; } =
        [.. typeof(NodeSettings).GetFields(BindingFlags.Public | BindingFlags.Static).Where(f => f.FieldType == typeof(Setting)).OrderBy(f => f.MetadataToken).Select(f => (Setting)f.GetValue(null)!)];
}
