using System.Globalization;
using System.Text;
using Grid.Contracts.Builds;
using Grid.Contracts.Events;
using Grid.Contracts.Work;

namespace Grid.Cli.Progress;

/// <summary>Shows a build to somebody.</summary>
public interface IBuildProgress : IDisposable
{
    /// <summary>Called with each event in order, from one thread.</summary>
    void Show(BuildEvent buildEvent);
}

/// <summary>Progress as one JSON object a line, for programs.</summary>
public sealed class JsonProgress(TextWriter output) : IBuildProgress
{
    public void Show(BuildEvent buildEvent)
    {
        output.WriteLine(EventLines.ToJson(buildEvent));
        output.Flush();
    }

    public void Dispose() { }
}

/// <summary>What things are called when they are shown.</summary>
internal static class Words
{
    public static string Of(Phase phase) => phase switch
    {
        Phase.ExtendBuild => "extend build",
        Phase.ExtendRun => "extend run",
        _ => phase.ToString().ToLowerInvariant(),
    };

    public static string Of(BuildMoved moved) => moved.To is { } to ? $"node {moved.From} went away; the build goes on at {to}" : $"node {moved.From} went away; the build waits for another";

    public static string Of(StepName step) => $"[{step.Number}/{step.Total}] {step.Extension} {step.File}:{step.Line} {Shorten(step.Text)}";

    public static string Of(StepSource source) => source switch
    {
        StepSource.Cached => "CACHED",
        StepSource.Shared => "done by another build",
        StepSource.Config => "set",
        StepSource.Restored => "taken from the previous image",
        _ => "ran",
    };

    public static string Bytes(long bytes) => bytes switch
    {
        < 1000 => $"{bytes} B",
        < 1_000_000 => (bytes / 1e3).ToString("0.0", CultureInfo.InvariantCulture) + " kB",
        < 1_000_000_000 => (bytes / 1e6).ToString("0.0", CultureInfo.InvariantCulture) + " MB",
        _ => (bytes / 1e9).ToString("0.00", CultureInfo.InvariantCulture) + " GB",
    };

    /// <summary>Output of untrusted programs without what could move the cursor, change the title or fake our lines; a tab stays.</summary>
    public static string Printable(string line)
    {
        if (!line.AsSpan().ContainsAnyExceptInRange(' ', '~'))
            return line;
        var clean = new StringBuilder(line.Length);
        for (var i = 0; i < line.Length; i++)
        {
            if (line[i] == '\u001b')
                i = EndOfEscape(line, i);
            else if (line[i] == '\t' || !(char.IsControl(line[i]) || ChangesDirection(line[i])))
                clean.Append(line[i]);
        }
        return clean.ToString();
    }

    /// <summary>Lines and paragraphs of Unicode, and marks that show text in another order than it has.</summary>
    private static bool ChangesDirection(char c) => c is '\u2028' or '\u2029' or '\u200e' or '\u200f' or '\u061c' or (>= '\u202a' and <= '\u202e') or (>= '\u2066' and <= '\u2069');

    private static string Shorten(string text) => Printable(text.Length <= 100 ? text : text[..99] + "…");

    /// <summary>Index of the last character of the escape sequence that starts at <paramref name="start"/> (ECMA-48: CSI, OSC, with intermediate characters, two-character).</summary>
    private static int EndOfEscape(string line, int start)
    {
        if (start + 1 >= line.Length)
            return start;
        if (line[start + 1] == '[')
        {
            var i = start + 2;
            while (i < line.Length && line[i] is < '@' or > '~')
                i++;
            return Math.Min(i, line.Length - 1);
        }
        if (line[start + 1] == ']')
        {
            var i = start + 2;
            while (i < line.Length && line[i] != '\a' && !(line[i] == '\u001b' && i + 1 < line.Length && line[i + 1] == '\\'))
                i++;
            return Math.Min(i < line.Length && line[i] == '\u001b' ? i + 1 : i, line.Length - 1);
        }
        // Such as ESC ( B, which tput sgr0 writes.
        var end = start + 1;
        while (end < line.Length - 1 && line[end] is >= ' ' and <= '/')
            end++;
        return end;
    }
}
