using Grid.Client.Models;
using System.Globalization;
using Grid.Contracts.Steps;
using Grid.Dockerfiles;
using Grid.Hosting.Cache;

namespace Grid.Cli.Progress;

/// <summary>Shows what <c>grid cache</c> found.</summary>
public static class CacheTables
{
    /// <summary>A table of steps and a line about the room taken.</summary>
    public static void WriteList(TextWriter output, CacheUsage usage, DateTimeOffset now)
    {
        string[][] rows = [.. usage.Steps.OrderByDescending(s => s.LastUsedAt).Select(s => new[]
        {
            s.Entry.Key.Hex[..12], ScopeOf(s), s.Catalog.Kind == ImageKind.Build ? "build" : "run", s.Catalog.Extension, $"{s.Entry.File}:{s.Entry.Line}",
            Cut(s.Entry.Text), s.Blob.IsEmpty ? "-" : Words.Bytes(s.Size), s.Step.Uses.ToString(CultureInfo.InvariantCulture), Ago(now - s.LastUsedAt),
            s.Step.Finished is { } finished ? In(finished.CreatedAt + usage.TimeToLive - now) : "running",
        })];
        WriteTable(output, ["KEY", "SCOPE", "KIND", "EXTENSION", "FILE", "INSTRUCTION", "LAYER", "USES", "LAST USED", "EXPIRES"], rows);
        if (rows.Length > 0)
            output.WriteLine();
        output.WriteLine($"{Count(usage.Steps.Count, "step")} with {Words.Bytes(usage.StepBytes)} of layers");
        output.WriteLine($"{Count(usage.Blobs, "blob")} with {Words.Bytes(usage.BlobBytes)}, {Count(usage.Snapshots, "unpacked layer")} with {Words.Bytes(usage.SnapshotBytes)}, {Count(usage.Journals, "journal")}");
    }

    /// <summary>A table of a tenant's steps in a running grid.</summary>
    public static void WriteList(TextWriter output, IReadOnlyList<CachedStepResource> steps, DateTimeOffset now)
    {
        string[][] rows = [.. steps.OrderByDescending(s => s.LastUsedAt).Select(s => new[]
        {
            s.Key[(s.Key.IndexOf(':', StringComparison.Ordinal) + 1)..][..12], s.Kind == ImageKind.Build ? "build" : "run", s.Extension, $"{s.File}:{s.Line}", Cut(s.Text),
            s.DiffId is null ? "-" : Words.Bytes(s.Size), s.Uses.ToString(CultureInfo.InvariantCulture), s.Running ? "running" : Ago(now - s.LastUsedAt),
        })];
        WriteTable(output, ["KEY", "KIND", "EXTENSION", "FILE", "INSTRUCTION", "LAYER", "USES", "LAST USED"], rows);
        if (rows.Length > 0)
            output.WriteLine();
        output.WriteLine($"{Count(steps.Count, "step")} with {Words.Bytes(steps.Sum(s => s.Size))} of layers");
    }

    /// <summary>The steps of a build, with the fields that made one run.</summary>
    public static void WriteWhy(TextWriter output, string build, IReadOnlyList<StepHistory> steps)
    {
        output.WriteLine($"Build {build}");
        if (steps.Count == 0)
            output.WriteLine("no Dockerfile of an extension was applied");
        foreach (var phase in steps.GroupBy(s => s.Phase))
        {
            output.WriteLine();
            output.WriteLine(Words.Of(phase.Key));
            foreach (var step in phase)
            {
                output.WriteLine($"  {Words.Of(step.Step)}  {(step.Source is { } source ? Words.Of(source) : "no result")}");
                if (step.Miss is null)
                    continue;
                output.WriteLine($"      because {Words.Printable(step.Miss.Reason)}");
                foreach (var field in step.Miss.Changed)
                    output.WriteLine($"      {field.Change,-8} {Words.Printable(field.Name)}  {Words.Printable(field.Before ?? "-")} → {Words.Printable(field.After ?? "-")}");
                if (step.Miss.NearestBuild is { } nearest)
                    output.WriteLine($"      nearest: the step of build {nearest}");
            }
        }
    }

    /// <summary>What a collection did.</summary>
    public static void WritePruned(TextWriter output, CacheCollection done)
    {
        output.WriteLine($"Removed {Count(done.Steps, "cached step")}, {Count(done.Blobs, "blob")} with {Words.Bytes(done.BlobBytes)}, {Count(done.Snapshots, "unpacked layer")} with {Words.Bytes(done.SnapshotBytes)}, {Count(done.Journals, "journal")}");
        output.WriteLine($"{Words.Bytes(done.BytesLeft)} left");
        if (done.BytesOver > 0)
            output.WriteLine($"that is {Words.Bytes(done.BytesOver)} over the limit: unfinished builds need it");
    }

    /// <summary>What a running grid removed of what its nodes share.</summary>
    public static void WritePruned(TextWriter output, RetentionResource run)
    {
        output.WriteLine($"Removed {Count(run.Builds, "finished build")}, {run.Blobs} blobs with {Words.Bytes(run.BlobBytes)} from the shared tier");
        output.WriteLine($"{Words.Bytes(run.BytesLeft)} left");
    }

    /// <summary>The same as <see cref="WriteList"/> for programs.</summary>
    public static object ForJson(CacheUsage usage) => new
    {
        steps = usage.Steps.Select(s => new
        {
            key = s.Entry.Key.ToString(), scope = s.Catalog.Scope, kind = s.Catalog.Kind, extension = s.Catalog.Extension, file = s.Entry.File, line = s.Entry.Line,
            instruction = s.Entry.Text, build = s.Entry.BuildKey, diffId = s.Step.Finished?.Layer?.DiffId.ToString(), blob = s.Blob.IsEmpty ? null : s.Blob.ToString(), size = s.Size,
            uses = s.Step.Uses, createdAt = s.Entry.CreatedAt, lastUsedAt = s.LastUsedAt, expiresAt = s.Step.Finished?.CreatedAt + usage.TimeToLive, running = s.Step.Running,
            packagesAdded = s.Step.Finished?.Packages?.Added.Count, packagesRemoved = s.Step.Finished?.Packages?.Removed.Count,
        }),
        stepBytes = usage.StepBytes, blobs = usage.Blobs, blobBytes = usage.BlobBytes, unpackedLayers = usage.Snapshots, unpackedBytes = usage.SnapshotBytes, journals = usage.Journals,
    };

    private static void WriteTable(TextWriter output, string[] head, string[][] rows)
    {
        if (rows.Length == 0)
            return;
        var widths = head.Select((h, i) => Math.Max(h.Length, rows.Max(r => r[i].Length))).ToArray();
        foreach (var row in rows.Prepend(head))
            output.WriteLine(string.Join("  ", row.Select((cell, i) => cell.PadRight(widths[i]))).TrimEnd());
    }

    private static string ScopeOf(CachedStepInfo step) => step.Catalog.Scope == Grains.Machines.StepScope.Shared ? "shared" : step.Catalog.Scope;

    private static string Cut(string text) => Words.Printable(text.Length <= 48 ? text : text[..47] + "…");

    private static string Count(int count, string noun) => $"{count.ToString(CultureInfo.InvariantCulture)} {noun}{(count == 1 ? "" : "s")}";

    private static string Ago(TimeSpan time) => time < TimeSpan.FromMinutes(1) ? "just now" : Length(time) + " ago";

    private static string In(TimeSpan time) => time <= TimeSpan.Zero ? "expired" : "in " + Length(time);

    private static string Length(TimeSpan time) => time.TotalDays >= 2 ? $"{(int)time.TotalDays} d" : time.TotalHours >= 2 ? $"{(int)time.TotalHours} h" : $"{Math.Max(1, (int)time.TotalMinutes)} min";
}
