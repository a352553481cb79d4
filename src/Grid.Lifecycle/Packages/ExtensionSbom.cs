using System.Text.Json;

namespace Grid.Lifecycle.Packages;

/// <summary>What one extension did to the packages of an image.</summary>
/// <param name="ExtensionId">The extension.</param>
/// <param name="Version">Its version.</param>
/// <param name="Changes">All its steps together.</param>
public sealed record ExtensionPackages(string ExtensionId, string Version, PackageChanges Changes)
{
    /// <summary>File name of the extension in the SBOM directories: as a buildpack's.</summary>
    public string EscapedId => ExtensionId.Replace('/', '_');

    /// <summary>Several changes one after another as one; null when there is none.</summary>
    public static PackageChanges? Combine(IEnumerable<PackageChanges?> changes)
    {
        HashSet<Package> added = [], removed = [];
        var distribution = "";
        var problems = new List<string>();
        var any = false;
        foreach (var change in changes.OfType<PackageChanges>())
        {
            any = true;
            removed.UnionWith(change.Removed.Where(p => !added.Remove(p)));
            added.UnionWith(change.Added.Where(p => !removed.Remove(p)));
            distribution = change.Distribution.Length > 0 ? change.Distribution : distribution;
            if (change.Problem is not null)
                problems.Add(change.Problem);
        }
        return !any ? null : PackageInventory.Difference(removed, added) with { Distribution = distribution, Problem = problems.Count == 0 ? null : string.Join("; ", problems.Distinct()) };
    }
}

/// <summary>Writes an extension's software bill of materials as CycloneDX JSON: what the seed called genpkgs (spec-facts §11).</summary>
public static class ExtensionSbom
{
    private const string SpecVersion = "1.5";

    /// <summary>The document. Equal changes give equal bytes: it names no time and has no serial number.</summary>
    public static byte[] Write(ExtensionPackages packages)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream, new JsonWriterOptions { Indented = true, NewLine = "\n" }))
        {
            json.WriteStartObject();
            json.WriteString("bomFormat", "CycloneDX");
            json.WriteString("specVersion", SpecVersion);
            json.WriteNumber("version", 1);
            WriteMetadata(json, packages);
            json.WriteStartArray("components");
            foreach (var package in packages.Changes.Added)
                WriteComponent(json, package, packages.Changes.Distribution);
            json.WriteEndArray();
            json.WriteEndObject();
        }
        return stream.ToArray();
    }

    private static void WriteMetadata(Utf8JsonWriter json, ExtensionPackages packages)
    {
        json.WriteStartObject("metadata");
        json.WriteStartObject("component");
        json.WriteString("type", "application");
        json.WriteString("bom-ref", $"extension:{packages.ExtensionId}@{packages.Version}");
        json.WriteString("name", packages.ExtensionId);
        json.WriteString("version", packages.Version);
        json.WriteEndObject();
        // The format has no word for what is not there any more.
        if (packages.Changes.Removed.Count > 0 || packages.Changes.Problem is not null)
        {
            json.WriteStartArray("properties");
            foreach (var package in packages.Changes.Removed)
                WriteProperty(json, "io.grid.extension.removed", PackageUrl.Of(package, packages.Changes.Distribution));
            if (packages.Changes.Problem is { } problem)
                WriteProperty(json, "io.grid.extension.incomplete", problem);
            json.WriteEndArray();
        }
        json.WriteEndObject();
    }

    private static void WriteComponent(Utf8JsonWriter json, Package package, string distribution)
    {
        var url = PackageUrl.Of(package, distribution);
        json.WriteStartObject();
        json.WriteString("type", "library");
        json.WriteString("bom-ref", url);
        json.WriteString("name", package.Name);
        json.WriteString("version", package.Version);
        if (!string.IsNullOrEmpty(package.License))
        {
            // As the database words it, which is an SPDX expression often but not always: a name can be anything.
            json.WriteStartArray("licenses");
            json.WriteStartObject();
            json.WriteStartObject("license");
            json.WriteString("name", package.License);
            json.WriteEndObject();
            json.WriteEndObject();
            json.WriteEndArray();
        }
        json.WriteString("purl", url);
        json.WriteEndObject();
    }

    private static void WriteProperty(Utf8JsonWriter json, string name, string value)
    {
        json.WriteStartObject();
        json.WriteString("name", name);
        json.WriteString("value", value);
        json.WriteEndObject();
    }
}
