using System.Diagnostics;
using System.Text.Json;

namespace Grid.EndToEnd.Tests.Fixtures;

/// <summary>A <c>grid build --json</c> that has ended: its exit code and its events.</summary>
public sealed record BuildRun(ToolResult Process, IReadOnlyList<JsonElement> Events)
{
    public int ExitCode => Process.ExitCode;

    /// <summary>The build's key: tenant and id.</summary>
    public string Key => Of("build-started").Single().GetProperty("buildKey").GetString()!;

    /// <summary>The last event.</summary>
    public JsonElement End => Of("build-finished").Single();

    public string Message => End.GetProperty("failure").GetProperty("message").GetString()!;

    public string Digest => End.GetProperty("image").GetProperty("digest").GetString()!;

    /// <summary>All that phases and their processes printed.</summary>
    public string Log => string.Concat(Of("output").Select(e => e.GetProperty("text").GetString()));

    public static async Task<BuildRun> OfAsync(Process process)
    {
        using (process)
            return Parse(await Tool.EndAsync(process));
    }

    /// <summary>Reads the events line by line; a line that is none fails the test.</summary>
    public static BuildRun Parse(ToolResult result) =>
        new(result, [.. result.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonSerializer.Deserialize<JsonElement>(line))]);

    public BuildRun ShouldSucceed()
    {
        ExitCode.ShouldBe(0, ToString());
        return this;
    }

    /// <summary>Fails with this exit code and a message that has all these texts in it.</summary>
    public BuildRun ShouldFail(int exitCode, params string[] texts)
    {
        ExitCode.ShouldBe(exitCode, ToString());
        foreach (var text in texts)
            Message.ShouldContain(text, Case.Sensitive, ToString());
        return this;
    }

    public IEnumerable<JsonElement> Of(string name) => Events.Where(e => e.GetProperty("event").GetString() == name);

    public IEnumerable<JsonElement> Of(string name, string phase) => Of(name).Where(e => e.GetProperty("phase").GetString() == phase);

    /// <summary>Where the result of each step that is more than configuration came from, as "phase line source".</summary>
    public IReadOnlyList<string> Steps() => [.. Of("step-finished").Where(e => e.GetProperty("source").GetString() != "Config").Select(e =>
        $"{e.GetProperty("phase").GetString()} {e.GetProperty("step").GetProperty("line").GetInt32()} {e.GetProperty("source").GetString()}")];

    public override string ToString() => Process.ToString();
}
