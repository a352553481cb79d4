using System.Text.Json;

namespace Grid.Contracts.Events;

/// <summary>The one JSON form of events: lines of journals and of <c>--json</c>.</summary>
public static class EventLines
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web);

    /// <summary>An event as JSON, without the end of the line.</summary>
    public static string ToJson(BuildEvent buildEvent) => JsonSerializer.Serialize(buildEvent, Json);

    /// <summary>An event as a whole line of a journal.</summary>
    public static byte[] ToLine(BuildEvent buildEvent) => [.. JsonSerializer.SerializeToUtf8Bytes(buildEvent, Json), (byte)'\n'];

    /// <summary>How the line of a build's end begins: the kind of an event is written first.</summary>
    private static readonly byte[] End = [.. "{\"event\":\"build-finished\""u8];

    /// <summary>Whether a line is a build's end.</summary>
    public static bool IsEnd(ReadOnlySpan<byte> line) => line.StartsWith(End);

    /// <summary>The event of a line; <paramref name="origin"/> names the journal when it is none.</summary>
    public static BuildEvent Parse(ReadOnlySpan<byte> line, string origin)
    {
        try
        {
            return JsonSerializer.Deserialize<BuildEvent>(line, Json) ?? throw new InvalidDataException($"{origin}: a line is not a build event");
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"{origin}: a line is not a build event: {e.Message}", e);
        }
    }
}
