using System.Security.Claims;
using Grid.Contracts.Tenants;
using Microsoft.AspNetCore.Authentication.JwtBearer;
using Microsoft.IdentityModel.Tokens;

namespace Grid.Api.Identity;

/// <summary>Tokens of an OIDC issuer: signature, issuer, audience and time are checked; two claims say who may do what.</summary>
internal static class OidcTokens
{
    public static void Configure(JwtBearerOptions jwt, string authority, ApiOptions options)
    {
        jwt.Authority = authority;
        jwt.Audience = options.OidcAudience;
        jwt.MapInboundClaims = false;
        jwt.RefreshInterval = options.OidcKeyRefresh;
        // An issuer on this machine is for trying out.
        jwt.RequireHttpsMetadata = !new Uri(authority).IsLoopback;
        jwt.TokenValidationParameters = new TokenValidationParameters { ValidateAudience = true, ValidateIssuer = true, ClockSkew = TimeSpan.FromSeconds(30) };
        jwt.Events = new JwtBearerEvents
        {
            OnTokenValidated = context =>
            {
                if (ToCaller(context.Principal!, options) is { } caller)
                    context.Principal = caller.ToPrincipal(JwtBearerDefaults.AuthenticationScheme);
                else
                    context.Fail($"the token has no usable claims {options.OidcTenantClaim} and {options.OidcRoleClaim}");
                return Task.CompletedTask;
            },
        };
    }

    /// <summary>A key that its issuer no longer publishes proves nothing: not even for the hour that the library would go on with it.</summary>
    public static void ForgetOldKeys(JwtBearerOptions jwt)
    {
        if (jwt.ConfigurationManager is BaseConfigurationManager keys)
            keys.UseLastKnownGoodConfiguration = false;
    }

    /// <summary>The caller a token's claims describe; null when they describe none.</summary>
    internal static Caller? ToCaller(ClaimsPrincipal principal, ApiOptions options)
    {
        var tenant = principal.FindFirstValue(options.OidcTenantClaim);
        if (principal.FindFirstValue("sub") is not { Length: > 0 } subject || !Enum.TryParse<Role>(principal.FindFirstValue(options.OidcRoleClaim), ignoreCase: true, out var role) || !Enum.IsDefined(role))
            return null;
        return role != Role.Operator && string.IsNullOrEmpty(tenant) ? null : new Caller($"user:{subject}", role == Role.Operator ? null : tenant, role);
    }
}
