using System.Globalization;
using Grid.Api.Audit;
using Grid.Api.Builds;
using Grid.Api.Identity;
using Grid.Api.Problems;
using Grid.Client.Models;
using Grid.Contracts.Tenants;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;

namespace Grid.Api.Routes;

/// <summary>Tenants and their API keys.</summary>
internal static class TenantRoutes
{
    /// <summary>Below this not even a shell starts.</summary>
    private const long MinMemoryBytes = 16 * 1024 * 1024;
    private const int MinCpuMillis = 10;

    public static void MapTenants(this IEndpointRouteBuilder routes)
    {
        var tenants = routes.MapGroup("/tenants").WithTags("Tenants");
        tenants.MapGet("", ListAsync).Require(Role.Viewer).WithEntityTag().WithName("ListTenants").WithSummary("Tenants the caller sees");
        tenants.MapGet("{tenant}", GetAsync).Require(Role.Viewer).WithEntityTag().WithName("GetTenant").WithSummary("One tenant");
        tenants.MapPut("{tenant}", SetAsync).Require(Role.Operator).WithName("SetTenant").WithSummary("Create or change a tenant");
        tenants.MapGet("{tenant}/usage", GetUsageAsync).Require(Role.Viewer).WithEntityTag().WithName("GetUsage").WithSummary("What the tenant's builds used in a month, this one when none is named");
        tenants.MapGet("{tenant}/keys", ListKeysAsync).Require(Role.Admin).WithEntityTag().WithName("ListKeys").WithSummary("API keys of a tenant");
        tenants.MapPost("{tenant}/keys", CreateKeyAsync).Require(Role.Admin).WithName("CreateKey").WithSummary("Create an API key; its token is shown this once");
        tenants.MapDelete("{tenant}/keys/{key}", RevokeKeyAsync).Require(Role.Admin).WithName("RevokeKey").WithSummary("Revoke an API key");
    }

    private static async Task<Ok<Page<TenantResource>>> ListAsync(HttpContext context, IGrainFactory grains)
    {
        var caller = context.GetCaller();
        string[] names = caller.Role == Role.Operator ? await grains.GetGrain<ITenantDirectoryGrain>(ITenantDirectoryGrain.Key).ListAsync() : [caller.Tenant!];
        var tenants = await Task.WhenAll(names.Select(n => grains.GetGrain<ITenantGrain>(n).GetAsync()));
        return TypedResults.Ok(new Page<TenantResource>([.. tenants.OfType<Tenant>().Select(Describe)], null));
    }

    private static async Task<Ok<TenantResource>> GetAsync(string tenant, HttpContext context, BuildDesk desk) => Answer(context, await desk.TenantAsync(tenant));

    private static async Task<Ok<UsageResource>> GetUsageAsync(string tenant, IGrainFactory grains, BuildDesk desk, TimeProvider time, string? month = null)
    {
        var settings = (await desk.TenantAsync(tenant)).Settings;
        var at = time.GetUtcNow();
        if (month is not null && !DateTimeOffset.TryParseExact(month, "yyyy-MM", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out at))
            throw new ApiException(ProblemCode.InvalidRequest, "month: yyyy-MM");
        var key = TenantUsage.KeyOf(tenant, at);
        var usage = await grains.GetGrain<ITenantUsageGrain>(key).GetAsync();
        return TypedResults.Ok(new UsageResource(key[(tenant.Length + 1)..], Math.Round(usage.Seconds / 60, 3), settings.MaxBuildMinutes, usage.Builds));
    }

    /// <summary>With <c>If-Match</c> only the version that is known is changed, with <c>If-None-Match: *</c> only a new tenant is made.</summary>
    private static async Task<Ok<TenantResource>> SetAsync(
        string tenant, TenantSettingsResource settings, HttpContext context, IGrainFactory grains, [FromHeader(Name = "If-Match")] string? ifMatch = null, [FromHeader(Name = "If-None-Match")] string? ifNoneMatch = null)
    {
        var errors = new Dictionary<string, string[]>();
        if (!Names.IsTenant(tenant))
            errors["tenant"] = [Names.TenantRule];
        if (settings.Weight < 1)
            errors["weight"] = ["at least 1"];
        if (settings.MaxRunningBuilds < 0 || settings.MaxQueuedBuilds < 0)
            errors["maxRunningBuilds, maxQueuedBuilds"] = ["0 for no bound, or a positive number"];
        if (settings.MaxMemoryBytes is < 0 or (> 0 and < MinMemoryBytes))
            errors["maxMemoryBytes"] = [$"0 for the node's bound, or at least {MinMemoryBytes}"];
        if (settings.MaxCpuMillis is < 0 or (> 0 and < MinCpuMillis))
            errors["maxCpuMillis"] = [$"0 for no bound, or at least {MinCpuMillis}"];
        if (settings.MaxCacheBytes < 0 || settings.MaxBuildMinutes < 0 || settings.MaxDiskBytes < 0)
            errors["maxCacheBytes, maxBuildMinutes, maxDiskBytes"] = ["0 for no bound, or a positive number"];
        Names.CheckDestinations(settings, errors);
        foreach (var app in settings.AppEnvironment.Keys.Where(a => !Names.IsApp(a)))
            errors[$"appEnvironment.{app}"] = [Names.AppRule];
        Names.CheckImages(settings.AllowedBuilders, "allowedBuilders", errors);
        Names.CheckImages(settings.AllowedRunImages, "allowedRunImages", errors);
        foreach (var environment in settings.AppEnvironment.Values.Append(settings.Environment))
            Names.CheckEnvironment(environment, errors);
        Names.ThrowIfAny(errors);
        var grain = grains.GetGrain<ITenantGrain>(tenant);
        var fresh = ToSettings(settings);
        long? version = ifNoneMatch == "*" ? 0 : ifMatch is null or "*" ? null : VersionOf(ifMatch);
        if (ifMatch == "*" && await grain.GetAsync() is null)
            throw Changed(tenant);
        return Answer(context, version is null ? await grain.SetAsync(fresh) : await grain.SetIfAsync(fresh, version.Value) ?? throw Changed(tenant));
    }

    private static ApiException Changed(string tenant) => new(ProblemCode.PreconditionFailed, $"tenant {tenant} is not as the condition of the request says; read it again, and send the ETag of that answer as If-Match");

    private static long VersionOf(string tag) => tag.StartsWith("\"v", StringComparison.Ordinal) && tag.EndsWith('"') && long.TryParse(tag.AsSpan(2, tag.Length - 3), NumberStyles.None, CultureInfo.InvariantCulture, out var version)
        ? version : throw new ApiException(ProblemCode.InvalidRequest, "If-Match: the ETag of an answer, or *");

    private static Ok<TenantResource> Answer(HttpContext context, Tenant tenant)
    {
        context.Response.Headers.ETag = $"\"v{tenant.Version.ToString(CultureInfo.InvariantCulture)}\"";
        return TypedResults.Ok(Describe(tenant));
    }

    private static TenantSettings ToSettings(TenantSettingsResource settings) => new()
    {
        MaxRunningBuilds = settings.MaxRunningBuilds,
        MaxQueuedBuilds = settings.MaxQueuedBuilds,
        Weight = settings.Weight,
        AllowedBuilders = [.. settings.AllowedBuilders],
        AllowedRunImages = [.. settings.AllowedRunImages],
        AllowedRegistries = [.. settings.AllowedRegistries],
        Environment = settings.Environment.ToDictionary(),
        AppEnvironment = settings.AppEnvironment.ToDictionary(),
        AllowedExtensions = [.. settings.AllowedExtensions],
        Egress = settings.Egress,
        EgressAllow = [.. settings.EgressAllow],
        MaxMemoryBytes = settings.MaxMemoryBytes,
        MaxCpuMillis = settings.MaxCpuMillis,
        MaxDiskBytes = settings.MaxDiskBytes,
        MaxCacheBytes = settings.MaxCacheBytes,
        MaxBuildMinutes = settings.MaxBuildMinutes,
    };

    private static async Task<Ok<Page<ApiKeyResource>>> ListKeysAsync(string tenant, IGrainFactory grains, BuildDesk desk)
    {
        await desk.TenantAsync(tenant);
        var ids = await grains.GetGrain<ITenantGrain>(tenant).KeysAsync();
        var keys = await Task.WhenAll(ids.Select(id => grains.GetGrain<IApiKeyGrain>(id).GetAsync()));
        return TypedResults.Ok(new Page<ApiKeyResource>([.. keys.OfType<ApiKey>().Select(Describe)], null));
    }

    private static async Task<Created<CreatedApiKey>> CreateKeyAsync(string tenant, ApiKeyRequest request, HttpContext context, IGrainFactory grains, BuildDesk desk, TimeProvider time)
    {
        await desk.TenantAsync(tenant);
        var errors = new Dictionary<string, string[]>();
        if (request.Name.Length is 0 or > 100)
            errors["name"] = ["1 to 100 characters that say what the key is for"];
        if (request.Role > context.GetCaller().Role || request.Role == Role.Operator)
            errors["role"] = [$"at most {Role.Admin}, and not more than the caller's own"];
        if (request.ExpiresAt <= time.GetUtcNow())
            errors["expiresAt"] = ["in the future"];
        Names.ThrowIfAny(errors);
        var (key, token) = await IssueAsync(grains, time, tenant, request);
        context.Audit($"tenants/{tenant}/keys/{key.Id}");
        return TypedResults.Created($"/v1/tenants/{tenant}/keys/{key.Id}", new CreatedApiKey(Describe(key), token.ToString()));
    }

    private static async Task<NoContent> RevokeKeyAsync(string tenant, string key, IGrainFactory grains)
    {
        if (!await grains.GetGrain<ITenantGrain>(tenant).RemoveKeyAsync(key))
            throw ApiException.NotFound();
        await grains.GetGrain<IApiKeyGrain>(key).RevokeAsync();
        return TypedResults.NoContent();
    }

    private static async Task<(ApiKey Key, ApiToken Token)> IssueAsync(IGrainFactory grains, TimeProvider time, string tenant, ApiKeyRequest request)
    {
        while (true)
        {
            var token = ApiToken.Create();
            var key = new ApiKey
            {
                Id = token.Id, Tenant = tenant, Role = request.Role, Name = request.Name, SecretHash = token.Hash(), CreatedAt = time.GetUtcNow(), ExpiresAt = request.ExpiresAt,
            };
            if (!await grains.GetGrain<IApiKeyGrain>(key.Id).CreateAsync(key))
                continue;
            await grains.GetGrain<ITenantGrain>(tenant).AddKeyAsync(key.Id);
            return (key, token);
        }
    }

    private static TenantResource Describe(Tenant tenant) => new()
    {
        Name = tenant.Name,
        CreatedAt = tenant.CreatedAt,
        Settings = new TenantSettingsResource
        {
            MaxRunningBuilds = tenant.Settings.MaxRunningBuilds,
            MaxQueuedBuilds = tenant.Settings.MaxQueuedBuilds,
            Weight = tenant.Settings.Weight,
            AllowedBuilders = tenant.Settings.AllowedBuilders,
            AllowedRunImages = tenant.Settings.AllowedRunImages,
            AllowedRegistries = tenant.Settings.AllowedRegistries,
            Environment = tenant.Settings.Environment,
            AppEnvironment = tenant.Settings.AppEnvironment,
            AllowedExtensions = tenant.Settings.AllowedExtensions,
            Egress = tenant.Settings.Egress,
            EgressAllow = tenant.Settings.EgressAllow,
            MaxMemoryBytes = tenant.Settings.MaxMemoryBytes,
            MaxCpuMillis = tenant.Settings.MaxCpuMillis,
            MaxDiskBytes = tenant.Settings.MaxDiskBytes,
            MaxCacheBytes = tenant.Settings.MaxCacheBytes,
            MaxBuildMinutes = tenant.Settings.MaxBuildMinutes,
        },
    };

    private static ApiKeyResource Describe(ApiKey key) => new() { Id = key.Id, Name = key.Name, Role = key.Role, CreatedAt = key.CreatedAt, ExpiresAt = key.ExpiresAt };
}
