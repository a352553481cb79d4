using System.Text.Json;
using System.Text.Json.Serialization;
using Grid.Buildpacks;
using Grid.Buildpacks.Metadata;
using Grid.Sandbox;

namespace Grid.Lifecycle.Analyze;

/// <summary>What a build needs to know of a builder image: the label <c>io.buildpacks.builder.metadata</c> and CNB_USER_ID, CNB_GROUP_ID (distribution.md §Builder).</summary>
internal sealed record BuilderLabel
{
    public const string Label = "io.buildpacks.builder.metadata";

    /// <summary>run.toml as the label repeats it.</summary>
    [JsonPropertyName("images")]
    public IReadOnlyList<RunImageNames>? Images { get; init; }

    [JsonPropertyName("stack")]
    public StackMetadata? Stack { get; init; }

    [JsonPropertyName("lifecycle")]
    public LifecycleInfo? Lifecycle { get; init; }

    /// <summary>The run images it knows, the default first; builders made before run.toml name one as their stack's.</summary>
    [JsonIgnore]
    public IReadOnlyList<RunImageNames> RunImages =>
        Images is { Count: > 0 } ? [.. Images.Where(names => names.Image.Length > 0)]
        : Stack?.RunImage is { Image.Length: > 0 } names ? [names] : [];

    public static BuilderLabel Read(PinnedImage builder)
    {
        if (!builder.Labels.TryGetValue(Label, out var text))
            throw NotABuilder(builder, $"it has no label {Label}");
        try
        {
            return JsonSerializer.Deserialize<BuilderLabel>(text) ?? throw NotABuilder(builder, $"its label {Label} is empty");
        }
        catch (JsonException e)
        {
            throw NotABuilder(builder, $"its label {Label} is not the JSON it should be ({e.Message})");
        }
    }

    public static ProcessUser ReadUser(PinnedImage builder) => new(ReadId(builder, "CNB_USER_ID"), ReadId(builder, "CNB_GROUP_ID"));

    private static int ReadId(PinnedImage builder, string name)
    {
        var text = (builder.Config.Config.Env ?? []).LastOrDefault(line => line.StartsWith(name + "=", StringComparison.Ordinal))?[(name.Length + 1)..]
            ?? throw NotABuilder(builder, $"it does not set {name}");
        if (!int.TryParse(text, out var id) || id < 0)
            throw NotABuilder(builder, $"its {name} is '{text}', not a number");
        if (id == 0 && name == "CNB_USER_ID")
            throw NotABuilder(builder, "its CNB_USER_ID is 0, and buildpacks must not run as root");
        return id;
    }

    private static LifecycleException NotABuilder(PinnedImage image, string why) =>
        new(ExitCode.AnalyzeError, $"not a builder: {image.Location}: {why}; name an image made by 'grid builder create' or 'pack builder create'");

    internal sealed record LifecycleInfo([property: JsonPropertyName("version")] string? Version);
}
