using System.Collections.Frozen;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Grid.Api.Identity;

namespace Grid.Dashboard;

/// <summary>The style sheet and the script: part of the assembly, served under names with their digest, so that browsers keep them for ever.</summary>
internal static class Asset
{
    private static readonly FrozenDictionary<string, (byte[] Content, string Tag, string Type)> All = Load();

    /// <summary>The address of an asset.</summary>
    public static string Path(string name) => $"/assets/{All[name].Tag}/{name}";

    public static void MapAssets(this IEndpointRouteBuilder routes) => routes.MapGet("/assets/{tag}/{name}", (string tag, string name, HttpResponse response) =>
    {
        if (!All.TryGetValue(name, out var asset) || asset.Tag != tag)
            return Results.NotFound();
        response.Headers.CacheControl = "public, max-age=31536000, immutable";
        return Results.Bytes(asset.Content, asset.Type);
    }).OpenForAll().ExcludeFromDescription();

    private static FrozenDictionary<string, (byte[], string, string)> Load()
    {
        var assembly = typeof(Asset).Assembly;
        return assembly.GetManifestResourceNames().Where(n => n.Contains(".Assets.", StringComparison.Ordinal)).ToFrozenDictionary(
            n => n[(n.IndexOf(".Assets.", StringComparison.Ordinal) + ".Assets.".Length)..],
            n =>
            {
                using var stream = assembly.GetManifestResourceStream(n)!;
                using var content = new MemoryStream();
                stream.CopyTo(content);
                var bytes = content.ToArray();
                return (bytes, Convert.ToHexStringLower(SHA256.HashData(bytes))[..16], n.EndsWith(".css", StringComparison.Ordinal) ? "text/css; charset=utf-8" : "text/javascript; charset=utf-8");
            }, StringComparer.Ordinal);
    }
}
