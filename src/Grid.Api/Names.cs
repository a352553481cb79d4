using System.Text.RegularExpressions;
using Grid.Api.Problems;
using Grid.Client.Models;
using Grid.Contracts.Tenants;
using Grid.Oci;
using Grid.Oci.Network;

namespace Grid.Api;

/// <summary>Names as paths and requests have them. A grain key is made of them, so what is allowed is narrow.</summary>
internal static partial class Names
{
    public const string TenantRule = "1 to 63 of a-z, 0-9 and '-', beginning and ending with a letter or digit";
    public const string AppRule = "1 to 200 of a-z, 0-9, '.', '_', '-' and '/', beginning with a letter or digit";

    public const string FileRule = "1 to 100 of letters, digits, '.', '_' and '-', beginning with a letter or digit";
    public const string VariableRule = "letters, digits and '_', beginning with a letter or '_', at most 100";

    public static bool IsTenant(string text) => Tenant().IsMatch(text);

    public static bool IsApp(string text) => App().IsMatch(text) && !text.Split('/').Any(p => p is "" or "." or "..");

    public static bool IsBuild(string text) => text.Length == 32 && text.All(char.IsAsciiHexDigitLower);

    /// <summary>A name that becomes a file's.</summary>
    public static bool IsFile(string text) => FileName().IsMatch(text);

    public static bool IsVariable(string text) => Variable().IsMatch(text);

    /// <summary>A name in an environment becomes a file in <c>&lt;platform&gt;/env</c>.</summary>
    public static void CheckEnvironment(IReadOnlyDictionary<string, string> environment, Dictionary<string, string[]> errors)
    {
        foreach (var name in environment.Keys.Where(n => n.Length is 0 or > 255 || n.Contains('/', StringComparison.Ordinal) || n.Contains('\0', StringComparison.Ordinal) || n is "." or ".."))
            errors[$"environment.{name}"] = ["not the name of a variable"];
    }

    /// <summary>Entries of an allow list that no image can fit are refused: they would look like a policy and be none.</summary>
    public static void CheckImages(IReadOnlyList<string> images, string field, Dictionary<string, string[]> errors)
    {
        foreach (var image in images)
        {
            try
            {
                _ = ImageReference.Parse(image);
            }
            catch (FormatException e)
            {
                errors[$"{field}.{image}"] = [e.Message];
            }
        }
    }

    /// <summary>Destinations that builds reach although they reach nothing else.</summary>
    public static void CheckDestinations(TenantSettingsResource settings, Dictionary<string, string[]> errors)
    {
        if (settings.EgressAllow.Count > 0 && settings.Egress != Egress.None)
            errors["egressAllow"] = [$"is for tenants with egress {Egress.None}: what is listed is then reached, and nothing else"];
        if (settings.EgressAllow.Count > EgressList.MaxEntries)
            errors["egressAllow"] = [$"{settings.EgressAllow.Count} destinations are too many: at most {EgressList.MaxEntries}; list blocks of addresses, or *.example.com"];
        foreach (var destination in settings.EgressAllow)
        {
            try
            {
                _ = EgressDestination.Parse(destination);
            }
            catch (FormatException e)
            {
                errors[$"egressAllow.{destination}"] = [e.Message];
            }
        }
    }

    public static void ThrowIfAny(Dictionary<string, string[]> errors)
    {
        if (errors.Count > 0)
            throw new ApiException(ProblemCode.InvalidRequest, string.Join("; ", errors.Select(e => $"{e.Key}: {string.Join(", ", e.Value)}"))) { Errors = errors };
    }

    [GeneratedRegex("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\z")]
    private static partial Regex Tenant();

    [GeneratedRegex("^[a-z0-9][a-z0-9._/-]{0,199}\\z")]
    private static partial Regex App();

    [GeneratedRegex("^[A-Za-z0-9][A-Za-z0-9._-]{0,99}\\z")]
    private static partial Regex FileName();

    [GeneratedRegex("^[A-Za-z_][A-Za-z0-9_]{0,99}\\z")]
    private static partial Regex Variable();
}
