using System.Collections.Concurrent;

namespace Grid.Sandbox.Tests;

/// <summary>Tells tests/run.sh which adapters the suite ran on, and why it did not run on others: lines in the file GRID_TEST_ADAPTERS names.</summary>
internal static class AdapterReport
{
    private static readonly ConcurrentDictionary<string, bool> Known = new(StringComparer.Ordinal);
    private static readonly Lock Gate = new();

    /// <summary>The suite runs on it.</summary>
    public static void Ran(string adapter) => Write($"ran on {adapter}");

    /// <summary>Skips the test.</summary>
    public static void Skip(string adapter, string reason)
    {
        Write($"skipped {adapter}: {reason}");
        Assert.Skip(reason);
    }

    private static void Write(string line)
    {
        if (Environment.GetEnvironmentVariable("GRID_TEST_ADAPTERS") is not { Length: > 0 } file || !Known.TryAdd(line, true))
            return;
        lock (Gate)
            File.AppendAllText(file, line.ReplaceLineEndings(" ") + "\n");
    }
}
