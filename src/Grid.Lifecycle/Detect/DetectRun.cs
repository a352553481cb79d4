using Grid.Buildpacks.Detect;
using Grid.Buildpacks.Order;

namespace Grid.Lifecycle.Detect;

/// <summary>How a module's detect ended.</summary>
internal enum DetectVerdict
{
    Pass = 0,
    Fail = 1,
    Error = 2,
    /// <summary>It does not run for the target.</summary>
    OtherTarget = 3,
}

/// <summary>What a module's detect came to; each module has one for the whole phase.</summary>
internal sealed record DetectRun(DetectVerdict Verdict)
{
    /// <summary>Exit code of bin/detect; null when it did not run.</summary>
    public int? ExitCode { get; init; }

    public PlanFile Plan { get; init; } = PlanFile.Empty;

    /// <summary>What it printed.</summary>
    public string Output { get; init; } = "";

    /// <summary>What went wrong besides its exit code.</summary>
    public string? Problem { get; init; }

    /// <summary>Why it did not pass, for the message of the phase.</summary>
    public string Reason(Candidate candidate) => Verdict switch
    {
        DetectVerdict.Pass => $"{candidate} passed",
        DetectVerdict.Fail => $"{candidate} failed (exit code 100)",
        DetectVerdict.OtherTarget => $"{candidate}: {Problem}",
        _ => Problem is null ? $"{candidate} errored (exit code {ExitCode})" : $"{candidate} errored: {Problem}",
    };
}
