using System.Text.Json;
using System.Text.Json.Serialization;
using System.Threading.RateLimiting;
using Grid.Api.Audit;
using Grid.Api.Builds;
using Grid.Api.Identity;
using Grid.Api.Problems;
using Grid.Api.Queues;
using Grid.Api.Routes;
using Grid.Api.Secrets;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.JwtBearer;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Grid.Api;

/// <summary>The HTTP API <c>/v1</c>: a table of contents.</summary>
public static class GridApi
{
    private const string AnyScheme = "grid";

    /// <summary>What the API needs besides a cluster client, the content store, the events and artifacts of builds, the keys of secrets and a clock.</summary>
    public static IServiceCollection AddGridApi(this IServiceCollection services, ApiOptions options)
    {
        services.AddSingleton(options);
        services.AddSingleton<ApiKeys>();
        services.AddSingleton<BuildDesk>();
        services.AddSingleton<QueueDesk>();
        services.AddSingleton<BuildInspector>();
        services.AddSingleton<CacheDesk>();
        services.AddSingleton<SecretDesk>();
        services.AddSingleton<AuditTrail>();
        services.AddSingleton<Uploads>();
        services.AddHostedService<UnfinishedUploads>();
        services.AddProblemDetails(problems => problems.CustomizeProblemDetails = context => ApiException.AddCode(context.ProblemDetails));
        // A body that cannot be read says where, also outside development.
        services.Configure<RouteHandlerOptions>(routes => routes.ThrowOnBadRequest = true);
        services.AddExceptionHandler<ProblemHandler>();
        services.ConfigureHttpJsonOptions(json =>
        {
            json.SerializerOptions.Converters.Add(new JsonStringEnumConverter());
            json.SerializerOptions.NumberHandling = JsonNumberHandling.Strict;
            json.SerializerOptions.UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow;
            json.SerializerOptions.DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull;
        });
        services.AddIdentity(options);
        services.AddLimits(options);
        services.AddOpenApi("v1", document => document.Describe());
        return services;
    }

    /// <summary>Adds the API's routes and what every request goes through.</summary>
    public static void MapGridApi(this WebApplication app)
    {
        app.UseExceptionHandler();
        app.UseStatusCodePages();
        app.UseRouting();
        app.UseAuthentication();
        app.UseRateLimiter();
        var trail = app.Services.GetRequiredService<AuditTrail>();
        app.Use(next => context => trail.FollowAsync(context, next));
        app.Use(next => context => Access.CheckAsync(context, next));
        app.MapOpenApi("/openapi/{documentName}.json").OpenForAll();
        var v1 = app.MapGroup("/v1");
        v1.MapTenants();
        v1.MapSecrets();
        v1.MapUploads();
        v1.MapBuilds();
        v1.MapArtifacts();
        v1.MapCache();
        v1.MapEvents();
        v1.MapPools();
        v1.MapRetention();
        v1.MapAudit();
    }

    private static void AddIdentity(this IServiceCollection services, ApiOptions options)
    {
        var authentication = services.AddAuthentication(AnyScheme)
            .AddPolicyScheme(AnyScheme, null, scheme => scheme.ForwardDefaultSelector = context => options.OidcAuthority is null || IsApiKey(context) ? ApiKeyAuthentication.SchemeName : JwtBearerDefaults.AuthenticationScheme)
            .AddScheme<AuthenticationSchemeOptions, ApiKeyAuthentication>(ApiKeyAuthentication.SchemeName, null);
        if (options.OidcAuthority is { } authority)
            authentication.AddJwtBearer(jwt => OidcTokens.Configure(jwt, authority, options)).Services.PostConfigure<JwtBearerOptions>(JwtBearerDefaults.AuthenticationScheme, OidcTokens.ForgetOldKeys);
    }

    private static bool IsApiKey(HttpContext context) => context.Request.Headers.Authorization.ToString().Contains(ApiToken.Prefix, StringComparison.Ordinal);

    /// <summary>A bucket for each caller, so that one who asks too often slows down nobody else.</summary>
    private static void AddLimits(this IServiceCollection services, ApiOptions options) => services.AddRateLimiter(limiter =>
    {
        limiter.GlobalLimiter = PartitionedRateLimiter.Create<HttpContext, string>(context => RateLimitPartition.GetTokenBucketLimiter(
            Caller.From(context.User)?.Subject ?? context.Connection.RemoteIpAddress?.ToString() ?? "",
            _ => new TokenBucketRateLimiterOptions
            {
                TokenLimit = options.RequestsPerSecond * 10, TokensPerPeriod = options.RequestsPerSecond, ReplenishmentPeriod = TimeSpan.FromSeconds(1), QueueLimit = 0,
            }));
        limiter.OnRejected = (_, _) => throw new ApiException(ProblemCode.TooMany, $"more than {options.RequestsPerSecond} requests a second; slow down") { RetryAfter = TimeSpan.FromSeconds(1) };
    });
}
