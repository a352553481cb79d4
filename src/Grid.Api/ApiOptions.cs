namespace Grid.Api;

/// <summary>Settings of the HTTP API.</summary>
public sealed record ApiOptions
{
    /// <summary>Where unfinished uploads are kept.</summary>
    public required string DataDirectory { get; init; }

    /// <summary>Largest source archive, in compressed bytes.</summary>
    public long MaxUploadBytes { get; init; } = 2L * 1024 * 1024 * 1024;

    /// <summary>What was received of an archive goes this long after its last byte.</summary>
    public TimeSpan KeepUnfinishedUploads { get; init; } = TimeSpan.FromHours(24);

    /// <summary>Requests a second of one caller, over ten seconds; more get 429.</summary>
    public int RequestsPerSecond { get; init; } = 100;

    /// <summary>Page where people sign in; browsers that ask for a page without a key are sent there. Null when there are no pages.</summary>
    public string? SignInPath { get; init; }

    /// <summary>Issuer of OIDC tokens (an https URL); null to accept API keys only.</summary>
    public string? OidcAuthority { get; init; }

    /// <summary>Audience that OIDC tokens must be for.</summary>
    public string? OidcAudience { get; init; }

    /// <summary>How long after the issuer's keys were fetched they may be fetched again because a token has an unknown one.</summary>
    public TimeSpan OidcKeyRefresh { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>Claim of an OIDC token with the tenant's name.</summary>
    public string OidcTenantClaim { get; init; } = "grid_tenant";

    /// <summary>Claim of an OIDC token with the role: viewer, builder, admin or operator.</summary>
    public string OidcRoleClaim { get; init; } = "grid_role";
}
