using System.Net;
using Grid.Api;
using Grid.Buildpacks.Toml;
using Grid.Contracts.Secrets;
using Grid.Grains.Audit;
using Grid.Hosting.Storage;
using Grid.Hosting.Storage.AzureBlobs;
using Grid.Oci.Network;
using Grid.Sandbox.OciRuntime;

namespace Grid.Hosting.Configuration;

/// <summary>Settings that cannot be used; the message has a line for each.</summary>
public sealed class ConfigurationException(IReadOnlyList<string> errors) : Exception(string.Join('\n', errors))
{
    /// <summary>What is wrong, each with where it stands and what would be right.</summary>
    public IReadOnlyList<string> Errors { get; } = errors;
}

/// <summary>Reads a node's settings from the file, the environment and flags, and checks them all before anything starts.</summary>
public sealed class NodeConfiguration
{
    private const string Off = "off";
    /// <summary>The file that is read when none is named and it exists.</summary>
    public const string DefaultFile = "/etc/grid/grid.toml";

    /// <summary>The variable that names another file.</summary>
    public const string FileVariable = "GRID_CONFIG";

    private readonly SettingValues _values = new();

    private NodeConfiguration() { }

    /// <summary>The settings of a node. Throws <see cref="ConfigurationException"/> with every error there is.</summary>
    /// <param name="file">The file, or null for the one the environment names or the default one.</param>
    /// <param name="variable">Reads an environment variable.</param>
    /// <param name="flags">Flags that were given.</param>
    public static NodeOptions Read(string? file, Func<string, string?> variable, IEnumerable<(Setting Setting, IReadOnlyList<string> Values)> flags)
    {
        var configuration = new NodeConfiguration();
        configuration.AddFile(file ?? (variable(FileVariable) is { Length: > 0 } named ? named : null));
        configuration._values.AddEnvironment(variable);
        foreach (var (setting, values) in flags)
            configuration._values.AddFlag(setting, values);
        var options = configuration.Build();
        configuration.Check(options);
        return configuration._values.Errors.Count == 0 ? options : throw new ConfigurationException(configuration._values.Errors);
    }

    private void AddFile(string? file)
    {
        if (file is null && !File.Exists(DefaultFile))
            return;
        file ??= DefaultFile;
        try
        {
            _values.AddFile(TomlFile.Parse(File.ReadAllText(file), file));
        }
        catch (TomlFormatException e)
        {
            _values.Fail(e.Message);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _values.Fail($"{file}: cannot be read: {e.Message}");
        }
    }

    private NodeOptions Build()
    {
        var membership = WordOf<Membership>(NodeSettings.Membership);
        var listen = AddressOf(NodeSettings.ListenAddress, IPAddress.Loopback);
        var node = NodeOf();
        return new NodeOptions
        {
            Name = _values.Text(NodeSettings.NodeName) ?? Environment.MachineName,
            Roles = (_values.List(NodeSettings.Role) ?? NodeSettings.Role.Words).Aggregate(NodeRoles.None, (roles, word) => roles | (Enum.TryParse<NodeRoles>(word, ignoreCase: true, out var role) ? role : NodeRoles.None)),
            Node = node,
            Pool = _values.Text(NodeSettings.NodePool) ?? NodeSettings.NodePool.Default,
            Slots = (int)_values.Number(NodeSettings.NodeSlots),
            Labels = LabelsOf(NodeSettings.NodeLabel),
            ListenAddress = listen,
            AdvertisedAddress = AddressOf(NodeSettings.Advertise, listen),
            SiloPort = (int)_values.Number(NodeSettings.SiloPort),
            GatewayPort = (int)_values.Number(NodeSettings.GatewayPort),
            Http = new IPEndPoint(AddressOf(NodeSettings.HttpAddress, IPAddress.Loopback), (int)_values.Number(NodeSettings.HttpPort)),
            Membership = membership,
            Reminders = _values.Has(NodeSettings.Reminders) ? WordOf<ReminderStorage>(NodeSettings.Reminders) : (ReminderStorage)membership,
            ServiceId = _values.Text(NodeSettings.ServiceId) ?? NodeSettings.ServiceId.Default,
            ClusterId = _values.Text(NodeSettings.ClusterId) ?? NodeSettings.ClusterId.Default,
            ProbeTimeout = TimeSpan.FromMilliseconds(_values.Number(NodeSettings.ProbeTimeout)),
            MissedProbes = (int)_values.Number(NodeSettings.MissedProbes),
            RedisConnection = _values.Text(NodeSettings.Redis) ?? "",
            PostgreSqlConnection = _values.Text(NodeSettings.PostgreSql) ?? "",
            AzureConnection = _values.Text(NodeSettings.Azure) ?? "",
            State = WordOf<StateStorage>(NodeSettings.State),
            StateContainer = ContainerOf(NodeSettings.StateContainer),
            Content = WordOf<SharedContent>(NodeSettings.Content),
            ContentDirectory = _values.Text(NodeSettings.ContentDirectory) is { } directory ? Path.GetFullPath(directory) : null,
            ContentContainer = ContainerOf(NodeSettings.ContentContainer),
            Events = WordOf<EventStorage>(NodeSettings.Events),
            EventsContainer = ContainerOf(NodeSettings.EventsContainer),
            Telemetry = TelemetryConfiguration.Read(_values),
            Api = ApiOf(node),
            HasOrleansDashboard = _values.Word(NodeSettings.OrleansDashboard, Off) != Off,
            Audit = new AuditOptions { Keep = CacheConfiguration.Value(_values, NodeSettings.AuditKeep, Cache.Quantities.Duration, new AuditOptions().Keep) },
            SecretKeyFile = Path.GetFullPath(_values.Text(NodeSettings.SecretKeyFile) ?? Path.Combine(node.DataDirectory, "secret-keys")),
            SecretKeys = SecretKeysOf(),
            OperatorKeyFile = Path.GetFullPath(_values.Text(NodeSettings.OperatorKeyFile) ?? Path.Combine(node.DataDirectory, "operator-key")),
        };
    }

    private SecretKeyRing? SecretKeysOf()
    {
        if (_values.Text(NodeSettings.SecretKeys) is not { } text)
            return null;
        try
        {
            return SecretKeyRing.Parse(text);
        }
        catch (FormatException e)
        {
            _values.Fail($"{_values.Describe(NodeSettings.SecretKeys)}: {e.Message}");
            return null;
        }
    }

    private ApiOptions ApiOf(GridOptions node) => new()
    {
        DataDirectory = node.DataDirectory,
        MaxUploadBytes = _values.Number(NodeSettings.MaxUpload) * 1024 * 1024,
        KeepUnfinishedUploads = CacheConfiguration.Value(_values, NodeSettings.KeepUploads, Cache.Quantities.Duration, TimeSpan.FromHours(24)),
        RequestsPerSecond = (int)_values.Number(NodeSettings.RequestRate),
        OidcAuthority = _values.Text(NodeSettings.OidcAuthority),
        OidcAudience = _values.Text(NodeSettings.OidcAudience) ?? NodeSettings.OidcAudience.Default,
        OidcTenantClaim = _values.Text(NodeSettings.OidcTenantClaim) ?? NodeSettings.OidcTenantClaim.Default,
        OidcRoleClaim = _values.Text(NodeSettings.OidcRoleClaim) ?? NodeSettings.OidcRoleClaim.Default,
    };

    private GridOptions NodeOf()
    {
        var defaults = new GridOptions();
        return defaults with
        {
            DataDirectory = Path.GetFullPath(_values.Text(NodeSettings.DataDirectory) ?? defaults.DataDirectory),
            Launcher = _values.Text(NodeSettings.Launcher) ?? defaults.Launcher,
            InsecureRegistries = _values.List(NodeSettings.InsecureRegistry) ?? [],
            Hosts = new HostPolicy { Listed = _values.List(NodeSettings.PrivateHost) ?? [] },
            Sandbox = WordOf<SandboxKind>(NodeSettings.Sandbox),
            SandboxEgress = WordOf<SandboxEgress>(NodeSettings.SandboxEgress),
            SandboxEgressAllow = EgressAllowOf(),
            SandboxRuntime = _values.Text(NodeSettings.SandboxRuntime),
            SandboxCaBundle = _values.Text(NodeSettings.SandboxCaBundle),
            SandboxMemoryBytes = _values.Number(NodeSettings.SandboxMemory) * 1024 * 1024,
            SandboxMaxProcesses = (int)_values.Number(NodeSettings.SandboxProcesses),
            SandboxOrphanTime = _values.Number(NodeSettings.SandboxOrphanTime) is > 0 and var seconds ? TimeSpan.FromSeconds(seconds) : null,
            StepTimeout = CacheConfiguration.Value(_values, NodeSettings.SandboxStepTimeout, Cache.Quantities.Timeout, defaults.StepTimeout),
            Cache = CacheConfiguration.Read(_values),
            Retention = CacheConfiguration.ReadRetention(_values),
        };
    }

    private EgressList? EgressAllowOf()
    {
        try
        {
            return SandboxRuntimes.ParseEgressAllow(_values.List(NodeSettings.SandboxEgressAllow));
        }
        catch (FormatException e)
        {
            _values.Fail($"{_values.Describe(NodeSettings.SandboxEgressAllow)}: {e.Message}");
            return null;
        }
    }

    /// <summary>What settings ask of each other.</summary>
    private void Check(NodeOptions options)
    {
        if (options.Name.Length is 0 or > 100 || options.Name.Any(c => c is '/' or '#' || char.IsControl(c) || char.IsWhiteSpace(c)))
            _values.Fail($"{_values.Describe(NodeSettings.NodeName)}: want a name of at most 100 characters without spaces, '/' and '#'");
        if (options.AdvertisedAddress.Equals(IPAddress.Any) || options.AdvertisedAddress.Equals(IPAddress.IPv6Any))
            _values.Fail($"{NodeSettings.Advertise.Name}: is missing: others cannot connect to {options.AdvertisedAddress}; name an address of this machine that they reach");
        if (options.Node is { SandboxEgressAllow: not null, SandboxEgress: SandboxEgress.Host })
            _values.Fail($"{_values.Describe(NodeSettings.SandboxEgressAllow)}: cannot be held where sandboxes share the machine's network; set {NodeSettings.SandboxEgress.Name} to open");
        if (options.Node.SandboxCaBundle is { Length: > 0 } bundle && !File.Exists(bundle))
            _values.Fail($"{_values.Describe(NodeSettings.SandboxCaBundle)}: there is no such file");
        CheckConnection(NodeSettings.Redis, options.RedisConnection, Connections.WhyNotRedis,
            (options.Membership == Membership.Redis, NodeSettings.Membership), (options.Reminders == ReminderStorage.Redis, NodeSettings.Reminders), (options.State == StateStorage.Redis, NodeSettings.State));
        CheckConnection(NodeSettings.PostgreSql, options.PostgreSqlConnection, Connections.WhyNotPostgreSql,
            (options.Membership == Membership.PostgreSql, NodeSettings.Membership), (options.Reminders == ReminderStorage.PostgreSql, NodeSettings.Reminders), (options.State == StateStorage.PostgreSql, NodeSettings.State));
        CheckConnection(NodeSettings.Azure, options.AzureConnection, Connections.WhyNotAzure,
            (options.State == StateStorage.Azure, NodeSettings.State), (options.Content == SharedContent.Azure, NodeSettings.Content), (options.Events == EventStorage.Azure, NodeSettings.Events));
        if (options.Content == SharedContent.Directory && options.ContentDirectory is null)
            _values.Fail($"{NodeSettings.ContentDirectory.Name}: is missing, and {_values.Describe(NodeSettings.Content)} needs it");
        if (options.Api.OidcAuthority is { } authority && !(Uri.TryCreate(authority, UriKind.Absolute, out var issuer) && (issuer.Scheme == Uri.UriSchemeHttps || (issuer.Scheme == Uri.UriSchemeHttp && issuer.IsLoopback))))
            _values.Fail($"{_values.Describe(NodeSettings.OidcAuthority)}: want an https address");
        if (options.Membership != Membership.Localhost)
            CheckCluster(options);
    }

    /// <summary>What lives on one node cannot serve several.</summary>
    private void CheckCluster(NodeOptions options)
    {
        var several = $"with {_values.Describe(NodeSettings.Membership)} there can be several nodes";
        if (options.State == StateStorage.File)
            _values.Fail($"{NodeSettings.State.Name} 'file': {several}, and each would have its own state; want azure, redis or postgresql");
        if (options.Reminders == ReminderStorage.Memory)
            _values.Fail($"{NodeSettings.Reminders.Name} 'memory': {several}, and a lost one takes its reminders along; want redis or postgresql");
        if (options.Content == SharedContent.None)
            _values.Fail($"{NodeSettings.Content.Name} 'none': {several}, and one could not read what another made; want directory or azure");
        if (options.Events == EventStorage.File)
            _values.Fail($"{NodeSettings.Events.Name} 'file': {several}, and a build's journal would be spread over them; want azure");
    }

    private void CheckConnection(Setting setting, string connection, Func<string, string?> whyNot, params (bool Needs, Setting By)[] users)
    {
        var needing = users.Where(u => u.Needs).Select(u => u.By).ToList();
        if (connection.Length > 0 && whyNot(connection) is { } reason)
            _values.Fail($"{_values.Describe(setting)}: {reason}");
        else if (connection.Length == 0 && needing.Count > 0)
            _values.Fail($"{setting.Name}: is missing, and {string.Join(" and ", needing.Select(u => u.Name))} {(needing.Count == 1 ? "needs" : "need")} it; set {setting.Variable} or put it into the file");
    }

    private Dictionary<string, string> LabelsOf(Setting setting)
    {
        var labels = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var text in _values.List(setting) ?? [])
        {
            var equals = text.IndexOf('=', StringComparison.Ordinal);
            if (equals <= 0 || !labels.TryAdd(text[..equals], text[(equals + 1)..]))
                _values.Fail($"{_values.Describe(setting)}: '{text}': want NAME=VALUE, each name once");
        }
        return labels;
    }

    private T WordOf<T>(Setting setting) where T : struct, Enum => Enum.Parse<T>(_values.Word(setting, Enum.GetNames<T>()[0].ToLowerInvariant()), ignoreCase: true);

    private IPAddress AddressOf(Setting setting, IPAddress fallback)
    {
        if (_values.Text(setting) is not { } text)
            return fallback;
        if (IPAddress.TryParse(text, out var address))
            return address;
        _values.Fail($"{_values.Describe(setting)}: want an IP address");
        return fallback;
    }

    private string ContainerOf(Setting setting)
    {
        var name = _values.Text(setting) ?? setting.Default;
        if (BlobNames.WhyNotContainer(name) is { } reason)
            _values.Fail($"{_values.Describe(setting)}: {reason}");
        return name;
    }
}
