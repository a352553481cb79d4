namespace Grid.Sandbox.OciRuntime.Survival;

/// <summary>What makes a sandbox outlive this process, or what it got from the process before.</summary>
/// <param name="Id">See <see cref="SandboxLife.Id"/>.</param>
/// <param name="OrphanTime">See <see cref="OciRuntimeOptions.OrphanTime"/>.</param>
/// <param name="Adopted">What was taken over; null for a sandbox that was made here.</param>
internal sealed record SandboxSurvival(string Id, TimeSpan OrphanTime, Survivor? Adopted) : IDisposable
{
    public SandboxLife Life => new(Id, Adopted is not null);

    /// <summary>Whether a process was run before this process came.</summary>
    public bool HasRun(string process) => Adopted is not null && Directory.Exists(process);

    public void Dispose() => Adopted?.Dispose();
}
