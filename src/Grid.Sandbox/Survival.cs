namespace Grid.Sandbox;

/// <summary>
/// What is done in a sandbox, so that it can be found again. A sandbox that has one goes on when the process that made it dies, where the runtime can do that
/// and was told to, and the next process of the node may go on with it.
/// </summary>
/// <param name="Owner">Whose work it is: a build's key.</param>
/// <param name="Work">Digest over everything that decides what is run. Only equal work goes on with it.</param>
public sealed record SandboxIdentity(string Owner, string Work);

/// <summary>A sandbox that outlived the process that made it.</summary>
/// <param name="Handle">Its handle on the node.</param>
/// <param name="Identity">What is done in it.</param>
public sealed record SurvivingSandbox(string Handle, SandboxIdentity Identity);

/// <summary>What is special about a sandbox that outlives the process that made it.</summary>
/// <param name="Id">Of this sandbox alone, also among those for the same work.</param>
/// <param name="Adopted">
/// An earlier process of the node made it. Its processes then are those that were run in it before, in the same order: <see cref="ISandbox.RunAsync"/> starts
/// none of them again, gives all of their output from its beginning, and answers how they ended, or waits for it.
/// </param>
public sealed record SandboxLife(string Id, bool Adopted);

/// <summary>A runtime whose sandboxes can outlive the process that made them.</summary>
/// <remarks>
/// <see cref="ISandboxRuntime.RecoverAsync"/> finds them; creating a sandbox with the same identity goes on with one; what nobody asks for has to be ended.
/// When no process takes it over for some time, it ends by itself.
/// </remarks>
public interface ISandboxSurvivors
{
    /// <summary>Those that were found and neither taken nor ended yet.</summary>
    IReadOnlyList<SurvivingSandbox> Survivors { get; }

    /// <summary>Kills its processes and removes all it has on the node. Nothing happens when it has been taken or ended before.</summary>
    Task EndAsync(SurvivingSandbox survivor);
}

/// <summary>What was to be gone on with is of no use any more: it was ended for want of an owner, or its result is lost. The work has to be done again.</summary>
public sealed class SandboxAbandonedException(string message, Exception? inner = null) : Exception(message, inner);
