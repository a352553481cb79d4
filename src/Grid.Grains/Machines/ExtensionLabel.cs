using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Grid.Contracts.Apps;
using Grid.Dockerfiles;
using Grid.Dockerfiles.Keys;
using Grid.Dockerfiles.Planning;
using Grid.Lifecycle.Packages;
using Grid.Oci;

namespace Grid.Grains.Machines;

/// <summary>Prior-build extension metadata as it stands on the image, so that another grid can use it (spec-facts §14 row 20).</summary>
public static class ExtensionLabel
{
    /// <summary>The label's name.</summary>
    public const string Name = "io.grid.extensions.metadata";

    private const string DateFormat = "yyyy-MM-dd";
    private const int MaxLength = 1024 * 1024;
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, RespectNullableAnnotations = true };

    /// <summary>The label for these records; none when no extension was applied.</summary>
    /// <param name="records">What the build's extensions did.</param>
    /// <param name="withDates">
    /// Whether to say on which day a step ran. Without it no grid that does not know the step takes its layer from the image; with it builds on different
    /// days give different images.
    /// </param>
    public static Dictionary<string, string> For(IReadOnlyList<ExtensionRecord> records, bool withDates)
    {
        if (records.Count == 0)
            return [];
        return new()
        {
            [Name] = JsonSerializer.Serialize(records.Select(r => new LabelEntry
            {
                Id = r.ExtensionId,
                Version = r.ExtensionVersion,
                Kind = r.Kind == ImageKind.Build ? "build" : "run",
                Dockerfile = r.Dockerfile.ToString(),
                // Values may be confidential: who pulls the image must not read them.
                Args = r.Args.DistinctBy(a => a.Name).ToDictionary(a => a.Name, string? (a) => StepKey.DigestOf(a.Value).ToString()),
                BaseImage = r.BaseImage.ToString(),
                Steps = [.. r.Steps.Select(s => Step(s, r.Kind, withDates))],
            }), Json),
        };
    }

    /// <summary>Reads the label; what is not as we write it gives nothing, for then somebody else wrote it.</summary>
    public static ExtensionRecord[] Read(IReadOnlyDictionary<string, string>? labels)
    {
        if (labels?.GetValueOrDefault(Name) is not { Length: <= MaxLength } text)
            return [];
        try
        {
            return [.. (JsonSerializer.Deserialize<LabelEntry?[]>(text, Json) ?? []).OfType<LabelEntry>().Select(Record)];
        }
        catch (Exception e) when (e is JsonException or FormatException)
        {
            return [];
        }
    }

    private static LabelStep Step(StepRecord step, ImageKind kind, bool withDates) => new()
    {
        Line = step.Line,
        Key = step.Key.Digest.ToString(),
        DiffId = step.DiffId.IsEmpty ? null : step.DiffId.ToString(),
        Blob = step.Blob.IsEmpty ? null : step.Blob.ToString(),
        Created = withDates ? step.CreatedAt?.UtcDateTime.ToString(DateFormat, CultureInfo.InvariantCulture) : null,
        Packages = step.Packages is null ? null : new LabelPackages
        {
            Added = [.. step.Packages.Added.Select(p => PackageUrl.Of(p, step.Packages.Distribution))],
            Removed = [.. step.Packages.Removed.Select(p => PackageUrl.Of(p, step.Packages.Distribution))],
            Distribution = step.Packages.Distribution,
        },
        RootUsers = kind == ImageKind.Run ? step.RootUsers : null,
    };

    private static ExtensionRecord Record(LabelEntry entry) => new()
    {
        ExtensionId = entry.Id,
        ExtensionVersion = entry.Version,
        Kind = entry.Kind switch { "build" => ImageKind.Build, "run" => ImageKind.Run, _ => throw new FormatException(entry.Kind) },
        Dockerfile = Digest.Parse(entry.Dockerfile),
        Args = [.. entry.Args.Select(a => new BuildArg(a.Key, a.Value ?? ""))],
        BaseImage = Digest.Parse(entry.BaseImage),
        Steps = [.. entry.Steps.OfType<LabelStep>().Select(s => new StepRecord(s.Line, new StepKey(Digest.Parse(s.Key), []), s.DiffId is null ? default : Digest.Parse(s.DiffId))
        {
            Blob = s.Blob is null ? default : Digest.Parse(s.Blob),
            CreatedAt = s.Created is null ? null : DateTimeOffset.ParseExact(s.Created, DateFormat, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal),
            Packages = s.Packages is null ? null : new PackageChanges
            {
                Added = [.. s.Packages.Added.OfType<string>().Select(PackageUrl.Parse)],
                Removed = [.. s.Packages.Removed.OfType<string>().Select(PackageUrl.Parse)],
                Distribution = s.Packages.Distribution,
            },
            RootUsers = s.RootUsers is null ? null : [.. s.RootUsers.OfType<string>()],
        })],
    };

    private sealed record LabelEntry
    {
        public required string Id { get; init; }

        public required string Version { get; init; }

        public required string Kind { get; init; }

        public required string Dockerfile { get; init; }

        /// <summary>Names with digests of values.</summary>
        public Dictionary<string, string?> Args { get; init; } = [];

        public required string BaseImage { get; init; }

        public LabelStep?[] Steps { get; init; } = [];
    }

    private sealed record LabelStep
    {
        public required int Line { get; init; }

        public required string Key { get; init; }

        public string? DiffId { get; init; }

        public string? Blob { get; init; }

        public string? Created { get; init; }

        public LabelPackages? Packages { get; init; }

        public string?[]? RootUsers { get; init; }
    }

    private sealed record LabelPackages
    {
        public string?[] Added { get; init; } = [];

        public string?[] Removed { get; init; } = [];

        public string Distribution { get; init; } = "";
    }
}
