using System.Text;
using System.Text.Json;
using Grid.Oci.Images;

namespace Grid.Oci.Registry;

/// <summary>
/// Credentials as <c>docker login</c> leaves them, and as CNB platforms give them: <c>CNB_REGISTRY_AUTH</c> first, then the configuration's
/// <c>credHelpers</c>, <c>credsStore</c> and <c>auths</c>. Hosts must match exactly; nothing is guessed from parts of a name.
/// </summary>
/// <param name="configDirectory">Where <c>config.json</c> is; it need not exist. Null: no configuration.</param>
/// <param name="registryAuth">The JSON of CNB_REGISTRY_AUTH, <c>{"host":"Basic …|Bearer …|X-Identity …"}</c>; null or empty: none.</param>
public sealed class DockerConfigCredentials(string? configDirectory, string? registryAuth = null) : ICredentialStore
{
    private const string HubKey = "https://index.docker.io/v1/";

    /// <summary>As the environment of this process says: DOCKER_CONFIG or <c>~/.docker</c>, and CNB_REGISTRY_AUTH.</summary>
    public static DockerConfigCredentials FromEnvironment()
    {
        var directory = Environment.GetEnvironmentVariable("DOCKER_CONFIG");
        if (string.IsNullOrEmpty(directory))
            directory = Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".docker");
        return new DockerConfigCredentials(directory, Environment.GetEnvironmentVariable("CNB_REGISTRY_AUTH"));
    }

    /// <inheritdoc/>
    public async ValueTask<RegistryCredential?> FindAsync(string registry, CancellationToken cancellationToken)
    {
        var host = HostOf(registry) ?? registry;
        if (FromRegistryAuth(host) is { } given)
            return given;
        var path = configDirectory is null ? null : Path.Combine(configDirectory, "config.json");
        if (path is null || !File.Exists(path))
            return null;
        using var config = await ReadAsync(path, cancellationToken);
        if (Readable(() => HelperFor(config.RootElement, host), path) is { } helper
            && await CredentialHelper.GetAsync(
                helper, host == ImageReference.DefaultRegistry ? HubKey : registry, cancellationToken) is { } helped)
            return helped;
        return Readable(() => FromAuths(config.RootElement, host, path), path);
    }

    /// <summary>The host of a key of <c>auths</c>, or null for a key that is not for a whole registry (<c>host/namespace</c>).</summary>
    internal static string? HostOf(string key)
    {
        var rest = key;
        foreach (var scheme in (string[])["https://", "http://"])
        {
            if (rest.StartsWith(scheme, StringComparison.OrdinalIgnoreCase))
                rest = rest[scheme.Length..];
        }
        var slash = rest.IndexOf('/');
        if (slash >= 0 && rest[slash..] is not ("/" or "/v1" or "/v1/" or "/v2" or "/v2/"))
            return null;
        var host = (slash < 0 ? rest : rest[..slash]).ToLowerInvariant();
        return host is "docker.io" or "registry-1.docker.io" ? ImageReference.DefaultRegistry : host;
    }

    private RegistryCredential? FromRegistryAuth(string host)
    {
        if (string.IsNullOrWhiteSpace(registryAuth))
            return null;
        try
        {
            using var json = JsonDocument.Parse(registryAuth);
            return Entry(json.RootElement, host) is { ValueKind: JsonValueKind.String } entry ? FromHeader(entry.GetString()!, host) : null;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // The parser's message can show parts of the text, which holds secrets: neither it nor the exception goes on.
            throw new ImageAccessException(
                """CNB_REGISTRY_AUTH is not valid JSON; it has the form {"registry.example":"Basic <base64 of user:password>"}""");
        }
    }

    private static RegistryCredential FromHeader(string header, string host)
    {
        var blank = header.IndexOf(' ');
        var value = header[(blank + 1)..].Trim();
        return (blank < 0 ? "" : header[..blank].ToLowerInvariant()) switch
        {
            "basic" => FromBase64(value, $"CNB_REGISTRY_AUTH for {host}"),
            "bearer" => RegistryCredential.Bearer(value),
            "x-identity" => RegistryCredential.Identity(value),
            _ => throw new ImageAccessException(
                $"CNB_REGISTRY_AUTH for {host} starts with neither 'Basic ' nor 'Bearer ' nor 'X-Identity '"),
        };
    }

    private static async Task<JsonDocument> ReadAsync(string path, CancellationToken cancellationToken)
    {
        try
        {
            await using var file = File.OpenRead(path);
            var json = await JsonDocument.ParseAsync(file, cancellationToken: cancellationToken);
            return json.RootElement.ValueKind == JsonValueKind.Object
                ? json
                : throw new ImageAccessException($"{path} is not a JSON object; log in again with 'docker login'");
        }
        catch (JsonException)
        {
            throw new ImageAccessException($"{path} is not valid JSON; log in again with 'docker login', or mend it");
        }
        catch (UnauthorizedAccessException e)
        {
            throw new ImageAccessException($"{path} may not be read; check its owner and mode", null, e);
        }
    }

    // Text that is no Unicode is only found when it is looked at.
    private static T? Readable<T>(Func<T?> read, string path)
        where T : class
    {
        try
        {
            return read();
        }
        catch (InvalidOperationException)
        {
            throw new ImageAccessException($"{path} holds text that is not Unicode; log in again with 'docker login', or mend it");
        }
    }

    private static string? HelperFor(JsonElement config, string host)
    {
        if (config.TryGetProperty("credHelpers", out var helpers) && Entry(helpers, host) is { ValueKind: JsonValueKind.String } own)
            return own.GetString();
        return config.TryGetProperty("credsStore", out var store) && store.ValueKind == JsonValueKind.String
            && store.GetString() is { Length: > 0 } name
            ? name
            : null;
    }

    private static RegistryCredential? FromAuths(JsonElement config, string host, string path)
    {
        if (!config.TryGetProperty("auths", out var auths) || Entry(auths, host) is not { ValueKind: JsonValueKind.Object } entry)
            return null;
        if (Text(entry, "registrytoken") is { } bearer)
            return RegistryCredential.Bearer(bearer);
        if (Text(entry, "identitytoken") is { } identity)
            return RegistryCredential.Identity(identity);
        if (Text(entry, "auth") is { } auth)
            return FromBase64(auth, $"the entry for {host} in {path}");
        return Text(entry, "username") is { } user && Text(entry, "password") is { } password
            ? RegistryCredential.Basic(user, password)
            : null;
    }

    private static JsonElement? Entry(JsonElement map, string host)
    {
        if (map.ValueKind != JsonValueKind.Object)
            return null;
        foreach (var entry in map.EnumerateObject())
        {
            if (HostOf(entry.Name) == host)
                return entry.Value;
        }
        return null;
    }

    private static RegistryCredential FromBase64(string text, string where)
    {
        var bytes = new byte[text.Length];
        if (!Convert.TryFromBase64String(text, bytes, out var length))
            throw new ImageAccessException($"{where} is not base64; log in again");
        // docker pads with NUL in some versions.
        var pair = Encoding.UTF8.GetString(bytes, 0, length).TrimEnd('\0');
        var colon = pair.IndexOf(':');
        return colon > 0
            ? RegistryCredential.Basic(pair[..colon], pair[(colon + 1)..])
            : throw new ImageAccessException($"{where} is not of the form user:password; log in again");
    }

    private static string? Text(JsonElement entry, string name) =>
        entry.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String && value.GetString() is { Length: > 0 } text
            ? text
            : null;
}
