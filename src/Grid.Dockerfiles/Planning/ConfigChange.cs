using System.Text.Json;
using System.Text.Json.Nodes;
using Grid.Dockerfiles.Expansion;
using Grid.Dockerfiles.Syntax;
using Grid.Oci.Images;

namespace Grid.Dockerfiles.Planning;

/// <summary>What instructions do to a container configuration. Fields that <see cref="ContainerConfig"/> does not name are kept in its Other.</summary>
internal static class ConfigChange
{
    /// <summary>Most UTF-16 units all variables may take together; execve takes no more than 2 MiB.</summary>
    private const int MaxEnvironment = 1024 * 1024;

    private const int MaxLabels = 4 * 1024 * 1024;

    /// <summary>Most variables, labels, ports, volumes or triggers of an image: far above what anybody needs, far below what stalls a silo.</summary>
    private const int MaxCount = 4096;

    /// <summary>Sets variables; one that is there keeps its place.</summary>
    public static ContainerConfig AddEnv(ContainerConfig config, IReadOnlyList<NameValue> variables)
    {
        var env = config.Env?.ToList() ?? [];
        Bound(env.Count + variables.Count, "variables");
        foreach (var (name, value) in variables)
        {
            var index = env.FindIndex(entry => entry.StartsWith(name + "=", StringComparison.Ordinal));
            if (index < 0)
                env.Add(name + "=" + value);
            else
                env[index] = name + "=" + value;
        }
        return env.Sum(entry => (long)entry.Length) <= MaxEnvironment
            ? config with { Env = env }
            : throw new FormatException($"the environment is larger than {MaxEnvironment} characters");
    }

    public static ContainerConfig AddLabels(ContainerConfig config, IReadOnlyList<NameValue> labels)
    {
        // Sorted, as every image tool writes them, so that equal labels give an equal configuration.
        var all = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, value) in config.Labels ?? new Dictionary<string, string>())
            all[name] = value;
        Bound(all.Count + labels.Count, "labels");
        foreach (var (name, value) in labels)
            all[name] = value;
        return all.Sum(label => (long)label.Key.Length + label.Value.Length) <= MaxLabels
            ? config with { Labels = new Dictionary<string, string>(all) }
            : throw new FormatException($"the labels are larger than {MaxLabels} characters");
    }

    /// <summary>EXPOSE, VOLUME, STOPSIGNAL, HEALTHCHECK, ONBUILD; MAINTAINER changes nothing here, the author is not part of it.</summary>
    public static ContainerConfig Describe(ContainerConfig config, OtherInstruction instruction, WordExpander expander) => instruction.Name switch
    {
        "EXPOSE" => AddKeys(config, "ExposedPorts", instruction.Arguments.SelectMany(expander.ExpandWords).SelectMany(Ports)),
        "VOLUME" => AddKeys(config, "Volumes", instruction.Arguments.Select(expander.Expand).Select(Volume)),
        "STOPSIGNAL" => With(config, "StopSignal", JsonValue.Create(expander.Expand(instruction.Arguments[0]))),
        "HEALTHCHECK" => With(config, "Healthcheck", Health(instruction)),
        "ONBUILD" => AddTrigger(config, Trigger(instruction)),
        _ => config,
    };

    private static string Trigger(OtherInstruction instruction) =>
        instruction.Arguments[0] + string.Concat(instruction.Heredocs.Select(heredoc => "\n" + heredoc.Content + heredoc.Name));

    private static string Volume(string path) => path.Length > 0 ? path : throw new FormatException("VOLUME specified can not be an empty string");

    // "80", "80/udp", "8000-8002/tcp"; a host part ("127.0.0.1:80:80") means nothing in an image.
    private static IEnumerable<string> Ports(string text)
    {
        var slash = text.IndexOf('/');
        var protocol = slash < 0 ? "tcp" : text[(slash + 1)..].ToLowerInvariant();
        var range = (slash < 0 ? text : text[..slash]).Split('-');
        if (range.Length > 2 || protocol is not ("tcp" or "udp" or "sctp") || !ushort.TryParse(range[0], out var first) ||
            !ushort.TryParse(range[^1], out var last) || last < first)
            throw new FormatException($"invalid containerPort: {text}; write PORT, PORT/udp or FROM-TO");
        for (int port = first; port <= last; port++)
            yield return port + "/" + protocol;
    }

    private static JsonObject Health(OtherInstruction instruction)
    {
        var health = new JsonObject { ["Test"] = new JsonArray([.. instruction.Arguments.Select(argument => (JsonNode?)JsonValue.Create(argument))]) };
        Duration("interval", "Interval");
        Duration("timeout", "Timeout");
        Duration("start-period", "StartPeriod");
        Duration("start-interval", "StartInterval");
        if (instruction.Flag("retries") is { } retries)
            health["Retries"] = int.TryParse(retries, out var count) && count >= 0 ? count : throw new FormatException($"--retries must be at least 0, not {retries}");
        return health;

        void Duration(string flag, string field)
        {
            if (instruction.Flag(flag) is { } text)
                health[field] = GoDuration.Nanoseconds(text);
        }
    }

    private static ContainerConfig AddTrigger(ContainerConfig config, string trigger)
    {
        var triggers = Existing(config, "OnBuild") as JsonArray ?? [];
        Bound(triggers.Count + 1, "ONBUILD triggers");
        triggers.Add((JsonNode?)JsonValue.Create(trigger));
        return With(config, "OnBuild", triggers);
    }

    private static ContainerConfig AddKeys(ContainerConfig config, string field, IEnumerable<string> keys)
    {
        var set = Existing(config, field) as JsonObject ?? [];
        foreach (var key in keys)
        {
            set[key] = new JsonObject();
            Bound(set.Count, field);
        }
        return With(config, field, set);
    }

    private static void Bound(int count, string what)
    {
        if (count > MaxCount)
            throw new FormatException($"the image would have more than {MaxCount} {what}");
    }

    private static JsonNode? Existing(ContainerConfig config, string field) =>
        config.Other is not null && config.Other.TryGetValue(field, out var value) && value.ValueKind is JsonValueKind.Object or JsonValueKind.Array
            ? JsonNode.Parse(value.GetRawText())
            : null;

    private static ContainerConfig With(ContainerConfig config, string field, JsonNode? value)
    {
        var other = config.Other is null ? [] : new Dictionary<string, JsonElement>(config.Other);
        other[field] = JsonSerializer.SerializeToElement(value);
        return config with { Other = other };
    }
}
