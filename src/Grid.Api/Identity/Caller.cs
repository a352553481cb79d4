using System.Security.Claims;
using Grid.Contracts.Tenants;

namespace Grid.Api.Identity;

/// <summary>Who calls, as far as rights are concerned.</summary>
/// <param name="Subject">For the audit log: <c>key:ID</c> or <c>user:NAME</c>.</param>
/// <param name="Tenant">Its tenant; null for an operator, who is of none and may act for all.</param>
/// <param name="Role">What it may do.</param>
public sealed record Caller(string Subject, string? Tenant, Role Role)
{
    internal const string TenantClaim = "grid:tenant";
    internal const string RoleClaim = "grid:role";

    /// <summary>Whether the caller may see that the tenant exists.</summary>
    public bool Sees(string tenant) => Role == Role.Operator || (Tenant is not null && string.Equals(Tenant, tenant, StringComparison.Ordinal));

    /// <summary>Reads the caller from a principal that our authentication made; null for an anonymous one.</summary>
    public static Caller? From(ClaimsPrincipal principal)
    {
        if (principal.Identity is not { IsAuthenticated: true } || !Enum.TryParse<Role>(principal.FindFirstValue(RoleClaim), out var role))
            return null;
        var tenant = principal.FindFirstValue(TenantClaim);
        // A role in a tenant without the tenant is no right at all.
        return role != Role.Operator && string.IsNullOrEmpty(tenant) ? null : new Caller(principal.Identity.Name ?? "", tenant, role);
    }

    /// <summary>A principal that carries the caller.</summary>
    public ClaimsPrincipal ToPrincipal(string scheme)
    {
        var claims = new List<Claim> { new(ClaimTypes.Name, Subject), new(RoleClaim, Role.ToString()) };
        if (Tenant is not null)
            claims.Add(new Claim(TenantClaim, Tenant));
        return new ClaimsPrincipal(new ClaimsIdentity(claims, scheme));
    }
}
