using Grid.Api.Problems;
using Grid.Contracts.Builds;
using Grid.Contracts.Tenants;
using Grid.Oci;

namespace Grid.Api.Builds;

/// <summary>What a tenant's settings allow a build to use.</summary>
internal static class Policy
{
    /// <exception cref="ApiException">Something is not allowed; all of it is named.</exception>
    public static void Check(string tenant, TenantSettings settings, BuildRequest request)
    {
        var errors = new Dictionary<string, string[]>();
        if (!Allows(settings.AllowedBuilders, request.Builder))
            errors["builder"] = [$"tenant {tenant} may use {string.Join(", ", settings.AllowedBuilders)}, not {request.Builder}"];
        if (request.RunImage is not null && !Allows(settings.AllowedRunImages, request.RunImage))
            errors["runImage"] = [$"tenant {tenant} may use {string.Join(", ", settings.AllowedRunImages)}, not {request.RunImage}"];
        var foreign = request.Targets.Select(Registry).Where(r => settings.AllowedRegistries.Length > 0 && !settings.AllowedRegistries.Contains(r, StringComparer.Ordinal)).Distinct().ToList();
        if (foreign.Count > 0)
            errors["image"] = [$"tenant {tenant} may push to {string.Join(", ", settings.AllowedRegistries)}, not {string.Join(", ", foreign)}"];
        // An app image that replaces what other builds start from would be theirs too.
        if (request.Targets.Any(t => SameName(t, request.Builder) || (request.RunImage is not null && SameName(t, request.RunImage))))
            errors["image"] = ["the app image has the name of its builder or run image; choose another"];
        if (errors.Count > 0)
            throw new ApiException(ProblemCode.PolicyViolation, string.Join("; ", errors.Select(e => e.Value[0]))) { Errors = errors };
    }

    /// <summary>An entry allows exactly what it says: a name without tag and digest allows all of its tags and digests.</summary>
    private static bool Allows(string[] allowed, string image)
    {
        if (allowed.Length == 0)
            return true;
        var asked = Reference(image);
        return allowed.Select(Reference).Any(a => a.Name == asked.Name && (a.Tag is null || a.Tag == asked.Tag) && (a.Digest.IsEmpty || a.Digest == asked.Digest));
    }

    private static bool SameName(string one, string other) => (Reference(one).Name, Reference(one).Tag ?? "latest") == (Reference(other).Name, Reference(other).Tag ?? "latest");

    private static string Registry(string image) => Reference(image).Registry;

    private static ImageReference Reference(string image) => ImageReference.Parse(image);
}
