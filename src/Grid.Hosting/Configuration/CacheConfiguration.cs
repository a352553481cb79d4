using Grid.Grains.Machines;
using Grid.Grains.Retention;
using Grid.Grains.Steps;
using Grid.Hosting.Cache;
using Grid.Oci;

namespace Grid.Hosting.Configuration;

/// <summary>Reads the settings of a node's caches.</summary>
internal static class CacheConfiguration
{
    private const string Network = "+network";

    public static CacheOptions Read(SettingValues values)
    {
        var options = new CacheOptions
        {
            MaxBytesPerTenant = Value(values, NodeSettings.CacheTenantMax, Quantities.Bytes, 0),
            KeepUnused = Value(values, NodeSettings.CacheKeepUnused, Quantities.Duration, new CacheOptions().KeepUnused),
            KeepJournals = Value(values, NodeSettings.BuildsKeep, Quantities.Duration, new CacheOptions().KeepJournals),
            Steps = new StepCacheOptions
            {
                TimeToLive = Value(values, NodeSettings.CacheStepAge, Quantities.Duration, StepMachine.DefaultTimeToLive),
                Shared = new SharedStepPolicy
                {
                    TrustedImages = [.. (values.List(NodeSettings.CacheTrustedImages) ?? []).Select(text => Image(values, text))],
                    Extensions = [.. (values.List(NodeSettings.CacheSharedExtensions) ?? []).Select(Extension)],
                },
            },
        };
        return values.Has(NodeSettings.CacheMax) ? options.WithMaxBytes(Value(values, NodeSettings.CacheMax, Quantities.Bytes, 0)) : options;
    }

    /// <summary>What a build relies on while it waits was used when it was submitted: that must not be long ago for the tier.</summary>
    public static RetentionOptions ReadRetention(SettingValues values)
    {
        var defaults = new RetentionOptions();
        var options = new RetentionOptions
        {
            KeepBuilds = Value(values, NodeSettings.BuildsKeep, Quantities.Duration, defaults.KeepBuilds),
            KeepBuildsPerApp = (int)values.Number(NodeSettings.BuildsKeepPerApp),
            KeepKeys = Value(values, NodeSettings.KeepKeys, Quantities.Duration, defaults.KeepKeys),
            KeepContent = Value(values, NodeSettings.ContentKeepUnused, Quantities.Duration, defaults.KeepContent),
            MaxContentBytes = Value(values, NodeSettings.ContentMax, Quantities.Bytes, 0),
        };
        if (options.KeepContent < TimeSpan.FromDays(1))
            values.Fail($"{values.Describe(NodeSettings.ContentKeepUnused)}: want at least 1d: builds that wait need what was uploaded for them");
        if (options.KeepKeys < TimeSpan.FromHours(1))
            values.Fail($"{values.Describe(NodeSettings.KeepKeys)}: want at least 1h: who repeats a request whose answer was lost must not get a second build");
        return options;
    }

    internal static T Value<T>(SettingValues values, Setting setting, Func<string, T> read, T fallback)
    {
        try
        {
            return values.Text(setting) is { } text ? read(text) : fallback;
        }
        catch (FormatException e)
        {
            values.Fail($"{values.Describe(setting)}: {e.Message[(e.Message.IndexOf(": ", StringComparison.Ordinal) + 2)..]}");
            return fallback;
        }
    }

    private static Digest Image(SettingValues values, string text)
    {
        if (Digest.TryParse(text, out var digest))
            return digest;
        values.Fail($"{values.Describe(NodeSettings.CacheTrustedImages)}: '{text}' is no digest; want sha256: and 64 hexadecimal digits, as 'skopeo inspect' shows");
        return default;
    }

    private static SharedExtension Extension(string text)
    {
        var network = text.EndsWith(Network, StringComparison.Ordinal);
        var parts = (network ? text[..^Network.Length] : text).Split('@', 2);
        return new SharedExtension(parts[0], parts.Length > 1 ? parts[1] : null, network);
    }
}
