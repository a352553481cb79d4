using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;

namespace Grid.Hosting.Storage.AzureBlobs;

/// <summary>Names in Azure Blob Storage: what is allowed in them, and how ours are made.</summary>
internal static partial class BlobNames
{
    /// <summary>Longest part of a path; the service allows 1024 characters for a whole name and 254 parts.</summary>
    private const int MaxPart = 200;

    /// <summary>The blob of a grain's state: <c>service/state/type/key</c>. Different records never share a name.</summary>
    public static string Of(string serviceId, string stateName, GrainId grain) =>
        $"{Part(Encoding.UTF8.GetBytes(serviceId))}/{Part(Encoding.UTF8.GetBytes(stateName))}/{Part(grain.Type.AsSpan())}/{Part(grain.Key.AsSpan())}.json";

    /// <summary>Text as one part of a path, with every byte that may not stand in it escaped.</summary>
    public static string Part(string text) => Part(Encoding.UTF8.GetBytes(text));

    /// <summary>Why this cannot be a container's name, or null when it can.</summary>
    public static string? WhyNotContainer(string name) => ContainerName().IsMatch(name) ? null
        : "a container's name has 3 to 63 lower-case letters, digits and single dashes, and begins and ends with a letter or digit";

    private static string Part(ReadOnlySpan<byte> bytes)
    {
        var text = new StringBuilder(bytes.Length + 8);
        foreach (var b in bytes)
        {
            if (char.IsAsciiLetterOrDigit((char)b) || b is (byte)'-' or (byte)'_')
                text.Append((char)b);
            else
                text.Append('~').Append(b.ToString("x2"));
        }
        // "~~" is in no escaped text, and no two long ones share a digest.
        return text.Length switch
        {
            0 => "~",
            <= MaxPart => text.ToString(),
            _ => $"{text.ToString(0, 80)}~~{Convert.ToHexStringLower(SHA256.HashData(bytes))}",
        };
    }

    [GeneratedRegex("^(?=.{3,63}$)[a-z0-9]+(-[a-z0-9]+)*$")]
    private static partial Regex ContainerName();
}
