using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Serialization;
using Orleans.Serialization.Invocation;

namespace Grid.Grains.Tests.Contracts;

/// <summary>What a build of Grid wrote, kept beside what was meant: a generation of <c>tests/fixtures/contracts</c> (docs/contracts.md).</summary>
internal sealed class GoldenContracts(string directory)
{
    /// <summary>Sample of something that was written.</summary>
    /// <param name="Bytes">Base64 of what Orleans' serializer wrote; null for what is JSON anyway.</param>
    /// <param name="Value">The value.</param>
    internal sealed record Sample(string? Bytes, JsonNode Value);

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    /// <summary>Serializers as a silo has them.</summary>
    public static ServiceProvider Serializers() => new ServiceCollection().AddSerializer(Cluster.TestGrid.Json).BuildServiceProvider();

    public static string Root { get; } = FindRoot();

    /// <summary>All generations, the oldest first.</summary>
    public static IReadOnlyList<GoldenContracts> All { get; } = [.. Directory.GetDirectories(Root).OrderBy(d => int.Parse(Path.GetFileName(d), System.Globalization.CultureInfo.InvariantCulture)).Select(d => new GoldenContracts(d))];

    /// <summary>Its number.</summary>
    public string Name => Path.GetFileName(directory);

    public IEnumerable<string> Kind(string kind) => Directory.Exists(Path.Combine(directory, kind)) ? Directory.EnumerateFiles(Path.Combine(directory, kind)).Select(f => Path.GetFileNameWithoutExtension(f)!).Order(StringComparer.Ordinal) : [];

    public Sample Read(string kind, string name) => JsonSerializer.Deserialize<Sample>(File.ReadAllText(PathOf(kind, name)))!;

    public bool Has(string kind, string name) => File.Exists(PathOf(kind, name));

    /// <summary>Adds a sample; one that is there stays as it is.</summary>
    public void Add(string kind, string name, Func<Sample> make)
    {
        if (Has(kind, name))
            return;
        Directory.CreateDirectory(Path.Combine(directory, kind));
        File.WriteAllText(PathOf(kind, name), JsonSerializer.Serialize(make(), Indented) + "\n");
    }

    /// <summary>A message or a state as a sample, or to compare with one.</summary>
    public static JsonNode ValueOf(object value) => JsonSerializer.SerializeToNode(value, value.GetType())!;

    /// <summary>A call as a sample: its arguments by position.</summary>
    public static JsonNode ValueOf(IInvokable call) =>
        new JsonArray([.. Enumerable.Range(0, call.GetArgumentCount()).Select(n => call.GetArgument(n) is { } argument ? ValueOf(argument) : null)]);

    /// <summary>A call with something in every argument.</summary>
    public static IInvokable Filled(Type request)
    {
        var call = (IInvokable)Activator.CreateInstance(request)!;
        var parameters = call.GetMethod().GetParameters();
        for (var n = 0; n < parameters.Length; n++)
            call.SetArgument(n, FilledValues.Of(parameters[n].ParameterType, parameters[n].Name!));
        return call;
    }

    /// <summary>Where what was recorded is not what is there now; null when all of it is there. What has been added since is no difference.</summary>
    public static string? Difference(JsonNode? recorded, JsonNode? now, string path = "")
    {
        if (recorded is JsonObject was && now is JsonObject @is)
            return was.Select(m => @is.ContainsKey(m.Key) ? Difference(m.Value, @is[m.Key], $"{path}.{m.Key}") : $"{path}.{m.Key} is gone").FirstOrDefault(d => d is not null);
        if (recorded is JsonArray list && now is JsonArray other && list.Count == other.Count)
            return Enumerable.Range(0, list.Count).Select(n => Difference(list[n], other[n], $"{path}[{n}]")).FirstOrDefault(d => d is not null);
        return JsonNode.DeepEquals(recorded, now) ? null : $"{path} was {recorded?.ToJsonString() ?? "null"} and is {now?.ToJsonString() ?? "null"}";
    }

    private string PathOf(string kind, string name) => Path.Combine(directory, kind, name + ".json");

    private static string FindRoot()
    {
        for (var at = new DirectoryInfo(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            if (File.Exists(Path.Combine(at.FullName, "Grid.sln")))
                return Directory.CreateDirectory(Path.Combine(at.FullName, "tests/fixtures/contracts")).FullName;
        }
        throw new InvalidOperationException("Grid.sln is in no directory above the tests");
    }
}
