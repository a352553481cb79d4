using System.Text.Json;

namespace Grid.Sandbox.OciRuntime.Engines;

/// <summary>Reads why a runtime could not start a process from the log it writes (JSON lines; runc and crun agree on the members).</summary>
internal static class RuntimeLog
{
    /// <summary>The last error in the log, or null.</summary>
    public static string? LastError(string file)
    {
        if (!File.Exists(file))
            return null;
        string? error = null;
        foreach (var line in File.ReadLines(file).Where(line => line.AsSpan().Trim().Length > 0))
        {
            try
            {
                using var entry = JsonDocument.Parse(line);
                if (entry.RootElement.TryGetProperty("level", out var level) && level.GetString() is "error" or "fatal" &&
                    entry.RootElement.TryGetProperty("msg", out var message))
                    error = message.GetString();
            }
            catch (JsonException)
            {
                // crun writes errors of its start in plain text.
                error = line;
            }
        }
        return error;
    }

    /// <summary>
    /// The exit code a shell would answer when the message says that the process's own executable cannot be run: 127 when it is missing,
    /// 126 when it may not be or is not a program; null when something else failed.
    /// </summary>
    public static int? ExitCodeOfExec(string message)
    {
        if (message.Contains("executable file", StringComparison.Ordinal) && message.Contains("not found", StringComparison.Ordinal))
            return 127;
        if (message.Contains("exec format error", StringComparison.OrdinalIgnoreCase))
            return 126;
        var aboutExec = message.Contains("exec:", StringComparison.Ordinal) || message.Contains("exec /", StringComparison.Ordinal)
            || message.Contains("open executable", StringComparison.Ordinal);
        if (!aboutExec)
            return null;
        return message.Contains("no such file", StringComparison.OrdinalIgnoreCase) ? 127
            : message.Contains("permission denied", StringComparison.OrdinalIgnoreCase) || message.Contains("is a directory", StringComparison.OrdinalIgnoreCase) ? 126
            : null;
    }

    /// <summary>What a process's standard error says when it could not be started.</summary>
    public static byte[] NotStarted(string program, int exitCode) =>
        System.Text.Encoding.UTF8.GetBytes($"cannot execute {program}: {(exitCode == 127 ? "not found" : "not executable")} in the sandbox\n");
}
