using System.Text;
using Grid.Api.Audit;
using Grid.Api.Identity;
using Grid.Api.Problems;
using Grid.Api.Secrets;
using Grid.Client.Models;
using Grid.Contracts.Secrets;
using Grid.Contracts.Tenants;
using Grid.Oci.Registry;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;

namespace Grid.Api.Routes;

/// <summary>Secrets, service bindings and logins at registries of a tenant: set, named, removed, and never given back.</summary>
internal static class SecretRoutes
{
    private const int MaxEntries = 50;
    private static readonly SecretKind[] Plain = [SecretKind.Mount, SecretKind.Variable];

    public static void MapSecrets(this IEndpointRouteBuilder routes)
    {
        var tenant = routes.MapGroup("/tenants/{tenant}").WithTags("Secrets");
        tenant.MapGet("secrets", (string tenant, SecretDesk desk) => ListAsync(tenant, desk, Plain)).Require(Role.Admin).WithEntityTag().WithName("ListSecrets").WithSummary("Names of the tenant's secrets");
        tenant.MapPut("secrets/{secret}", SetSecretAsync).Require(Role.Admin).WithName("SetSecret").WithSummary("Set a secret for RUN --mount=type=secret, or a secret variable; it cannot be read back");
        tenant.MapDelete("secrets/{secret}", (string tenant, string secret, SecretDesk desk) => RemoveAsync(tenant, secret, desk, Plain)).Require(Role.Admin).WithName("RemoveSecret").WithSummary("Remove a secret");
        tenant.MapGet("bindings", (string tenant, SecretDesk desk) => ListAsync(tenant, desk, SecretKind.Binding)).Require(Role.Admin).WithEntityTag().WithName("ListBindings").WithSummary("Names of the tenant's service bindings");
        tenant.MapPut("bindings/{binding}", SetBindingAsync).Require(Role.Admin).WithName("SetBinding").WithSummary("Set a service binding for buildpacks and extensions; it cannot be read back");
        tenant.MapDelete("bindings/{binding}", (string tenant, string binding, SecretDesk desk) => RemoveAsync(tenant, binding, desk, SecretKind.Binding)).Require(Role.Admin).WithName("RemoveBinding").WithSummary("Remove a service binding");
        tenant.MapGet("registries", (string tenant, SecretDesk desk) => ListAsync(tenant, desk, SecretKind.Registry)).Require(Role.Admin).WithEntityTag().WithName("ListRegistries").WithSummary("Registries that the tenant has logins for");
        tenant.MapPut("registries", SetRegistryAsync).Require(Role.Admin).WithName("SetRegistry").WithSummary("Set the login for a registry or a part of one; it cannot be read back");
        tenant.MapDelete("registries", RemoveRegistryAsync).Require(Role.Admin).WithName("RemoveRegistry").WithSummary("Remove the login for a registry");
        tenant.MapPost("reseal", async (string tenant, SecretDesk desk) => TypedResults.Ok(new ResealResource(await desk.ResealAsync(tenant)))).Require(Role.Operator).WithName("ResealSecrets").WithSummary("Seal the tenant's secrets again with the current key, so that older keys can be taken away");
    }

    private static async Task<Ok<Page<SecretResource>>> ListAsync(string tenant, SecretDesk desk, params SecretKind[] kinds) => TypedResults.Ok(await desk.ListAsync(tenant, kinds));

    private static async Task<NoContent> RemoveAsync(string tenant, string name, SecretDesk desk, params SecretKind[] kinds)
    {
        await desk.RemoveAsync(tenant, name, kinds);
        return TypedResults.NoContent();
    }

    private static Task<NoContent> RemoveRegistryAsync(string tenant, string registry, HttpContext context, SecretDesk desk)
    {
        var name = RepositoryCredentials.NameOf(registry) ?? registry;
        context.Audit($"tenants/{tenant}/registries/{name}");
        return RemoveAsync(tenant, name, desk, SecretKind.Registry);
    }

    private static async Task<Ok<SecretResource>> SetSecretAsync(string tenant, string secret, SecretRequest request, HttpContext context, SecretDesk desk)
    {
        var errors = new Dictionary<string, string[]>();
        if (!Plain.Contains(request.Kind))
            errors["kind"] = ["Mount or Variable"];
        if (request.Kind == SecretKind.Variable ? !Names.IsVariable(secret) : !Names.IsFile(secret))
            errors["secret"] = [request.Kind == SecretKind.Variable ? Names.VariableRule : Names.FileRule];
        var value = SecretDesk.Value(request, errors);
        Names.ThrowIfAny(errors);
        var set = await desk.SetAsync(tenant, request.Kind, secret, value, context.GetCaller());
        // One name stands for one secret: the other kind of it goes.
        await RemoveIfThereAsync(tenant, secret, Plain.Single(k => k != request.Kind), desk);
        return TypedResults.Ok(set);
    }

    private static async Task RemoveIfThereAsync(string tenant, string name, SecretKind kind, SecretDesk desk)
    {
        if ((await desk.ListAsync(tenant, kind)).Items.Any(s => s.Name == name))
            await desk.RemoveAsync(tenant, name, kind);
    }

    private static async Task<Ok<SecretResource>> SetBindingAsync(string tenant, string binding, BindingRequest request, HttpContext context, SecretDesk desk)
    {
        var errors = new Dictionary<string, string[]>();
        if (!Names.IsFile(binding))
            errors["binding"] = [Names.FileRule];
        if (request.Type.Trim().Length == 0)
            errors["type"] = ["what kind of service it is"];
        if (request.Entries.Count > MaxEntries)
            errors["entries"] = [$"at most {MaxEntries}"];
        foreach (var name in request.Entries.Keys.Where(n => !Names.IsFile(n) || n is "type" or "provider"))
            errors[$"entries.{name}"] = [Names.FileRule];
        var entries = new Dictionary<string, byte[]>(request.Entries, StringComparer.Ordinal) { ["type"] = Encoding.UTF8.GetBytes(request.Type.Trim()) };
        if (request.Provider is { Length: > 0 } provider)
            entries["provider"] = Encoding.UTF8.GetBytes(provider);
        if (entries.Values.Sum(v => v.Length) > SecretDesk.MaxBytes)
            errors["entries"] = [$"at most {SecretDesk.MaxBytes} bytes in all"];
        Names.ThrowIfAny(errors);
        return TypedResults.Ok(await desk.SetAsync(tenant, SecretKind.Binding, binding, new BindingValue(entries).ToBytes(), context.GetCaller()));
    }

    private static async Task<Ok<SecretResource>> SetRegistryAsync(string tenant, RegistryRequest request, HttpContext context, SecretDesk desk)
    {
        var errors = new Dictionary<string, string[]>();
        var name = RepositoryCredentials.NameOf(request.Registry);
        if (name is null)
            errors["registry"] = ["host[:port], or host[:port]/prefix for a part of it"];
        var password = request is { Username.Length: > 0, Password.Length: > 0 };
        if (password == request.IdentityToken is { Length: > 0 })
            errors["password"] = ["a user name with a password, or an identity token"];
        Names.ThrowIfAny(errors);
        context.Audit($"tenants/{tenant}/registries/{name}");
        var login = password ? new RegistryLogin(request.Username, request.Password, null) : new RegistryLogin(null, null, request.IdentityToken);
        return TypedResults.Ok(await desk.SetAsync(tenant, SecretKind.Registry, name!, login.ToBytes(), context.GetCaller()));
    }
}
