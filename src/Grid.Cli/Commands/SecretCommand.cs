using System.CommandLine;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Grid.Buildpacks;
using Grid.Cli.Remote;
using Grid.Client;
using Grid.Client.Models;
using Grid.Contracts.Secrets;

namespace Grid.Cli.Commands;

/// <summary>
/// <c>grid secret</c>, <c>grid binding</c> and <c>grid registry</c>: what a tenant of a running grid keeps for its builds. Values are read from standard input or
/// files, never from the command line, which others on the machine can see.
/// </summary>
internal static class SecretCommand
{
    private static readonly Argument<string> Name = new("name") { Description = "Its name: the id that RUN --mount=type=secret asks for, or the variable" };
    private static readonly Argument<string> Binding = new("name") { Description = "Name of the binding" };
    private static readonly Argument<DirectoryInfo> Files = new("directory") { Description = "Directory of the binding: the files 'type', 'provider' when there is one, and the others" };
    private static readonly Argument<string> Registry = new("registry") { Description = "Registry, or a part of it: registry.example or registry.example/team" };
    private static readonly Option<FileInfo?> ValueFile = new("--file") { Description = "File with the value; standard input without it" };
    private static readonly Option<bool> AsVariable = new("--variable") { Description = "A variable for buildpacks and extensions instead of a secret that steps mount" };
    private static readonly Option<string?> Username = new("--username", "-u") { Description = "User name; without it standard input has an identity token" };
    private static readonly Option<bool> Json = new("--json") { Description = "JSON on standard output" };

    public static Command Create() => new("secret", "Secrets of a tenant of a running grid")
    {
        RemoteCommand.Make("set", "Keep a secret: the value from standard input, as it is but for one line end at its end", [Name, ValueFile, AsVariable], async (parsed, client, tenant, token) =>
        {
            var name = parsed.GetValue(Name)!;
            var kind = parsed.GetValue(AsVariable) ? SecretKind.Variable : SecretKind.Mount;
            await client.SetSecretAsync(tenant, name, new SecretRequest { Base64 = await ValueAsync(parsed.GetValue(ValueFile), token), Kind = kind }, token);
            Console.WriteLine($"{tenant} keeps the {(kind == SecretKind.Variable ? "variable" : "secret")} {name}");
        }),
        RemoteCommand.Make("list", "Show the names of secrets", [Json], async (parsed, client, tenant, token) => Show(await client.ListSecretsAsync(tenant, token), parsed)),
        RemoteCommand.Make("rm", "Remove a secret", [Name], async (parsed, client, tenant, token) =>
        {
            await client.RemoveSecretAsync(tenant, parsed.GetValue(Name)!, token);
            Console.WriteLine($"removed {parsed.GetValue(Name)}");
        }),
    };

    public static Command CreateBinding() => new("binding", "Service bindings of a tenant of a running grid")
    {
        RemoteCommand.Make("set", "Keep a service binding for buildpacks and extensions", [Binding, Files], async (parsed, client, tenant, token) =>
        {
            await client.SetBindingAsync(tenant, parsed.GetValue(Binding)!, ReadBinding(parsed.GetValue(Files)!), token);
            Console.WriteLine($"{tenant} keeps the binding {parsed.GetValue(Binding)}");
        }),
        RemoteCommand.Make("list", "Show the names of bindings", [Json], async (parsed, client, tenant, token) => Show(await client.ListBindingsAsync(tenant, token), parsed)),
        RemoteCommand.Make("rm", "Remove a binding", [Binding], async (parsed, client, tenant, token) =>
        {
            await client.RemoveBindingAsync(tenant, parsed.GetValue(Binding)!, token);
            Console.WriteLine($"removed {parsed.GetValue(Binding)}");
        }),
    };

    public static Command CreateRegistry() => new("registry", "Logins of a tenant of a running grid at registries")
    {
        RemoteCommand.Make("login", "Keep a login: the password (or identity token) from standard input", [Registry, Username, ValueFile], async (parsed, client, tenant, token) =>
        {
            var (registry, user) = (parsed.GetValue(Registry)!, parsed.GetValue(Username));
            var secret = Encoding.UTF8.GetString(await ValueAsync(parsed.GetValue(ValueFile), token));
            var set = await client.SetRegistryAsync(tenant, user is null
                ? new RegistryRequest { Registry = registry, IdentityToken = secret } : new RegistryRequest { Registry = registry, Username = user, Password = secret }, token);
            Console.WriteLine($"{tenant} keeps the login for {set.Name}");
        }),
        RemoteCommand.Make("list", "Show the registries there are logins for", [Json], async (parsed, client, tenant, token) => Show(await client.ListRegistriesAsync(tenant, token), parsed)),
        RemoteCommand.Make("logout", "Remove a login", [Registry], async (parsed, client, tenant, token) =>
        {
            await client.RemoveRegistryAsync(tenant, parsed.GetValue(Registry)!, token);
            Console.WriteLine($"removed the login for {parsed.GetValue(Registry)}");
        }),
    };

    /// <summary>The files of a binding's directory, as a platform lays them out.</summary>
    internal static BindingRequest ReadBinding(DirectoryInfo directory)
    {
        if (!directory.Exists)
            throw new LifecycleException(ExitCode.InvalidArgs, $"there is no directory {directory.FullName}");
        var files = directory.EnumerateFiles().ToDictionary(f => f.Name, f => File.ReadAllBytes(f.FullName), StringComparer.Ordinal);
        if (!files.Remove("type", out var type))
            throw new LifecycleException(ExitCode.InvalidArgs, $"{directory.FullName} has no file 'type' that says what kind of service it is");
        files.Remove("provider", out var provider);
        return new BindingRequest { Type = Encoding.UTF8.GetString(type).Trim(), Provider = provider is null ? null : Encoding.UTF8.GetString(provider).Trim(), Entries = files };
    }

    private static async Task<byte[]> ValueAsync(FileInfo? file, CancellationToken cancellationToken)
    {
        byte[] bytes;
        if (file is null)
        {
            using var memory = new MemoryStream();
            await using var input = Console.OpenStandardInput();
            await input.CopyToAsync(memory, cancellationToken);
            bytes = memory.ToArray();
            // What echo and editors put behind it is not part of it; a file is taken as it is.
            bytes = bytes switch { [.. var rest, (byte)'\r', (byte)'\n'] => rest, [.. var rest, (byte)'\n'] => rest, _ => bytes };
        }
        else
        {
            bytes = file.Exists ? await File.ReadAllBytesAsync(file.FullName, cancellationToken) : throw new LifecycleException(ExitCode.InvalidArgs, $"there is no file {file.FullName}");
        }
        return bytes.Length > 0 ? bytes : throw new LifecycleException(ExitCode.InvalidArgs, "there is no value: give it on standard input, or name its file with --file");
    }

    private static void Show(Page<SecretResource> page, ParseResult parsed)
    {
        if (parsed.GetValue(Json))
        {
            Console.WriteLine(JsonSerializer.Serialize(page.Items, GridClient.Json));
            return;
        }
        foreach (var secret in page.Items)
            Console.WriteLine($"{secret.Name}  {secret.Kind.ToString().ToLowerInvariant()}  set {secret.ChangedAt.ToLocalTime().ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture)} by {secret.ChangedBy}");
    }
}
