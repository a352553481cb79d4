using System.Text.Json;
using Grid.Contracts.Builds;
using Grid.Contracts.Tenants;
using Grid.Dockerfiles;
using Grid.Lifecycle;
using Grid.Lifecycle.Analyze;
using Grid.Oci;

namespace Grid.Grains.Machines;

/// <summary>
/// What a tenant's settings allow a build: asked when it is let in, and again when detection has shown which extensions and which run image it uses. Decided
/// in the grid, whichever way the build came in.
/// </summary>
public static class TenantPolicy
{
    private const string ExtensionLayersLabel = "io.buildpacks.extension.layers";

    /// <summary>Everything in a request that is not allowed; null when all of it is.</summary>
    public static TenantRefusal? Check(string tenant, TenantSettings settings, BuildRequest request)
    {
        var errors = new Dictionary<string, string[]>();
        if (request.Extension is { } extension)
            Check(tenant, settings, extension, errors);
        else if (request.Rebase is null && !Allows(settings.AllowedBuilders, request.Builder))
            errors["builder"] = [NotAllowed(tenant, "use", settings.AllowedBuilders, request.Builder)];
        // The one that the app's label names is known to nobody yet.
        if (request is { Rebase: not null, RunImage: null } && settings.AllowedRunImages.Length > 0)
            errors["runImage"] = [NotAllowed(tenant, "rebase on", settings.AllowedRunImages, "the run image that the app's label names, whatever that is")];
        if (request.RunImage is not null && !Allows(settings.AllowedRunImages, request.RunImage))
            errors["runImage"] = [NotAllowed(tenant, "use", settings.AllowedRunImages, request.RunImage)];
        var foreign = settings.AllowedRegistries.Length == 0 ? [] : request.Targets.Where(t => !settings.AllowedRegistries.Any(r => IsIn(r, t))).ToList();
        if (foreign.Count > 0)
            errors["image"] = [NotAllowed(tenant, "push to", settings.AllowedRegistries, string.Join(", ", foreign))];
        // An app image that replaces what other builds start from would be theirs too.
        if (request.Targets.Any(t => new[] { request.Builder, request.Extension?.Base, request.RunImage }.Any(image => !string.IsNullOrEmpty(image) && SameName(t, image))))
            errors["image"] = ["the image has the name of the builder, the run image or the base it is made from; choose another"];
        return Refusal(errors);
    }

    /// <summary>Dockerfiles that come with a request are nobody's extension, so a list of extensions allows none of them.</summary>
    private static void Check(string tenant, TenantSettings settings, ImageExtension extension, Dictionary<string, string[]> errors)
    {
        var bases = extension.Kind == ImageKind.Build ? settings.AllowedBuilders : settings.AllowedRunImages;
        if (!Allows(bases, extension.Base))
            errors["extension.base"] = [NotAllowed(tenant, "extend", bases, extension.Base)];
        if (settings.AllowedExtensions.Length > 0)
            errors["extension"] = [NotAllowed(tenant, "use the extensions", settings.AllowedExtensions, "Dockerfiles of its own")];
    }

    /// <summary>What detection found that is not allowed; null when all of it is.</summary>
    public static TenantRefusal? Check(string tenant, TenantSettings settings, AnalyzeResult analyzed, Detection detection)
    {
        var errors = new Dictionary<string, string[]>();
        if (settings.AllowedExtensions.Length > 0)
        {
            var digests = LayersOf(analyzed);
            var foreign = detection.Group.Extensions
                .Where(e => !settings.AllowedExtensions.Any(a => AllowsExtension(a, e.Id, e.Version, digests.GetValueOrDefault($"{e.Id}@{e.Version}"))))
                .Select(e => $"{e.Id}@{e.Version} ({digests.GetValueOrDefault($"{e.Id}@{e.Version}", "of no known digest")})").ToList();
            if (foreign.Count > 0)
                errors["extensions"] = [NotAllowed(tenant, "use the extensions", settings.AllowedExtensions, string.Join(", ", foreign))];
        }
        var runImage = detection.Analyzed.RunImage.Location;
        if (runImage != analyzed.RunImage.Location && !Allows(settings.AllowedRunImages, runImage))
            errors["runImage"] = [NotAllowed(tenant, "use", settings.AllowedRunImages, $"{runImage}, to which an extension switched")];
        return Refusal(errors);
    }

    /// <summary>The build time of a month that has been used up, when there is a bound.</summary>
    public static TenantRefusal? Check(string tenant, TenantSettings settings, TenantUsage usage, DateTimeOffset now)
    {
        if (settings.MaxBuildMinutes <= 0 || usage.Seconds < settings.MaxBuildMinutes * 60.0)
            return null;
        var next = new DateTimeOffset(now.UtcDateTime.Year, now.UtcDateTime.Month, 1, 0, 0, 0, TimeSpan.Zero).AddMonths(1);
        var message = $"tenant {tenant} has used {usage.Seconds / 60:0.#} of the {settings.MaxBuildMinutes} minutes that its builds may run in a month; wait until {next:yyyy-MM-dd}, or ask an operator for a higher maxBuildMinutes";
        return new TenantRefusal(TenantRefusal.Quota, message, new Dictionary<string, string[]> { ["maxBuildMinutes"] = [message] });
    }

    /// <summary>An entry of allowed extensions: <c>id</c>, <c>id@version</c>, or <c>id@sha256:…</c> with the diff ID of the layer that the builder has it in.</summary>
    private static bool AllowsExtension(string entry, string id, string version, string? digest)
    {
        var parts = entry.Split('@', 2);
        return parts[0] == id && (parts.Length == 1 || parts[1] == version || (digest is not null && parts[1] == digest));
    }

    /// <summary>Diff IDs of the builder's extensions, by <c>id@version</c>, as its label has them. What no label tells has no digest, and no digest allows it.</summary>
    private static Dictionary<string, string> LayersOf(AnalyzeResult analyzed)
    {
        var layers = new Dictionary<string, string>(StringComparer.Ordinal);
        if (analyzed.Builder.Config.Config.Labels?.GetValueOrDefault(ExtensionLayersLabel) is not { Length: > 0 } label)
            return layers;
        try
        {
            using var json = JsonDocument.Parse(label);
            foreach (var id in json.RootElement.EnumerateObject())
            {
                foreach (var version in id.Value.EnumerateObject())
                {
                    if (version.Value.TryGetProperty("layerDiffID", out var diffId) && diffId.GetString() is { } digest)
                        layers[$"{id.Name}@{version.Name}"] = digest;
                }
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // A label that cannot be read vouches for nothing.
            layers.Clear();
        }
        return layers;
    }

    private static TenantRefusal? Refusal(Dictionary<string, string[]> errors) =>
        errors.Count == 0 ? null : new TenantRefusal(TenantRefusal.Policy, string.Join("; ", errors.Select(e => e.Value[0])), errors);

    private static string NotAllowed(string tenant, string what, string[] allowed, string asked) =>
        $"tenant {tenant} may {what} {string.Join(", ", allowed)}, not {asked}; choose one of those, or ask an operator to allow it";

    /// <summary>An entry allows exactly what it says: a name without tag and digest allows all of its tags and digests.</summary>
    private static bool Allows(string[] allowed, string image)
    {
        if (allowed.Length == 0)
            return true;
        return Reference(image) is { } asked
            && allowed.Select(Reference).OfType<ImageReference>().Any(a => a.Name == asked.Name && (a.Tag is null || a.Tag == asked.Tag) && (a.Digest.IsEmpty || a.Digest == asked.Digest));
    }

    /// <summary>Whether an image is in a registry, or in the part of it that an entry names (<c>registry.example/team</c>).</summary>
    private static bool IsIn(string entry, string image) =>
        Reference(image) is { } asked && (asked.Registry == entry || asked.Name.StartsWith(entry.TrimEnd('/') + "/", StringComparison.Ordinal));

    private static bool SameName(string one, string other) =>
        Reference(one) is { } a && Reference(other) is { } b && (a.Name, a.Tag ?? "latest") == (b.Name, b.Tag ?? "latest");

    /// <summary>A reference; null for what is in no registry, which no list of references allows.</summary>
    private static ImageReference? Reference(string image) => ImageLocation.Parse(image) is ImageLocation.Registry registry ? registry.Reference : null;
}
