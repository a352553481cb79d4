using System.Text;
using Grid.Dockerfiles;
using Grid.Dockerfiles.Context;
using Grid.Dockerfiles.Planning;
using Grid.Lifecycle.Packages;
using Grid.Oci.Content;
using Grid.Oci.FileSystem;
using Grid.Oci.Images;
using Grid.Sandbox;

namespace Grid.Lifecycle.Extend;

/// <summary>Runs one Dockerfile step on this node: a snapshot over the parent, the instruction, and what it wrote read back as one layer.</summary>
/// <param name="sandboxes">The engine.</param>
/// <param name="content">Where layers and contexts are.</param>
/// <param name="limits">Bounds for RUN.</param>
/// <param name="resources">What the steps of this build can use of the node.</param>
public sealed class StepExecutor(ISandboxRuntime sandboxes, ContentStore content, SandboxLimits limits, StepResources resources)
{
    /// <summary>Paths that platforms mount in extend: what a step writes there is not part of the image (spec-facts §3.5).</summary>
    private static readonly string[] ExcludedPaths = ["/workspace", "/layers", "/platform", "/kaniko"];

    /// <summary>Whether to find out what a step did to packages, for which the image before the step has to be seen once more.</summary>
    public bool ListsPackages { get; init; } = true;

    /// <summary>What is run, when its sandbox may outlive this process; see <see cref="SandboxSpec.Identity"/>.</summary>
    public SandboxIdentity? Identity { get; init; }

    /// <summary>Told of the step's sandbox before anything runs in it.</summary>
    public Func<ISandbox, Task> Created { get; init; } = _ => Task.CompletedTask;

    /// <summary>How long its command or its copying may take; no bound unless it is more than zero. Waiting for a cache volume that another step has locked does not count.</summary>
    public TimeSpan TimeLimit { get; init; }

    /// <summary>Runs the step and gives its layer, with what it did to the image's packages.</summary>
    /// <exception cref="StepFailedException">The command failed or the step cannot be done.</exception>
    public async Task<StepResult> RunAsync(string handle, StepInput input, IBlobSource blobs, IProcessOutput output, CancellationToken cancellationToken)
    {
        var linked = input.Step is CopyStep { Link: true };
        var spec = new SandboxSpec(handle, linked ? [] : input.Parent, blobs)
        {
            ExcludedPaths = ExcludedPaths,
            Limits = limits,
            FilesOnly = linked,
            HasSecrets = input.Step is RunStep { Mounts: var mounts } && mounts.Any(mount => mount is { Kind: RunMountKind.Secret, Variable: not null }),
        };
        await using var sandbox = await sandboxes.CreateAsync(spec with { Identity = Identity }, cancellationToken);
        await Created(sandbox);
        IReadOnlyList<string>? rootUsers;
        var packages = PackageInventory.Look(sandbox.Files);
        try
        {
            switch (input.Step)
            {
                case RunStep run:
                    await RunCommandAsync(sandbox, run, input, output, cancellationToken);
                    break;
                case CopyStep copy:
                    await InTimeAsync(input.Label, null, async ending =>
                    {
                        await CopyAsync(sandbox, copy, input, ending);
                        return true;
                    }, cancellationToken);
                    break;
                case WorkdirStep workdir:
                    MakeDirectory(sandbox, workdir.Path, UserLookup.Resolve(sandbox.Files, workdir.User).User);
                    break;
                default:
                    throw new StepFailedException($"{input.Label}: a {input.Step.GetType().Name} has nothing to run");
            }
            // Of a linked copy only what it brings is seen.
            rootUsers = linked && sandbox.Files.Stat("/etc/passwd") is null ? null : UserLookup.RootUsers(sandbox.Files);
        }
        catch (FormatException e)
        {
            throw new StepFailedException($"{input.Label}: {e.Message}");
        }
        var databases = Changed(packages, sandbox);
        if (databases.Count > 0 && !ListsPackages)
            output.Write(Encoding.UTF8.GetBytes($"Warning: the step changed {databases[0]}; in a container of the image nobody sees what was there before, so what it installed is not in the bill of materials\n"), isError: false);
        var changes = databases.Count > 0 && ListsPackages ? await ComparePackagesAsync(spec, sandbox, databases, cancellationToken) : null;
        var layer = await sandbox.CommitAsync(cancellationToken);
        return new StepResult(layer, layer is null ? null : changes, rootUsers);
    }

    /// <summary>Of a step that is gone on with nobody knows how they looked before; what they say is compared in any case.</summary>
    private static IReadOnlyList<string> Changed(PackageInventory packages, ISandbox sandbox) => sandbox.Life is { Adopted: true } ? packages.All() : packages.Changed();

    /// <summary>What databases said before is seen in another sandbox over the same parent, in which nothing runs: overlayfs shows a file that was opened before as it is now.</summary>
    private async Task<PackageChanges> ComparePackagesAsync(SandboxSpec spec, ISandbox sandbox, IReadOnlyList<string> databases, CancellationToken cancellationToken)
    {
        await using var before = await sandboxes.CreateAsync(spec with { Handle = spec.Handle + "-before" }, cancellationToken);
        return PackageInventory.Compare(before.Files, sandbox.Files, databases);
    }

    private async Task RunCommandAsync(ISandbox sandbox, RunStep run, StepInput input, IProcessOutput output, CancellationToken cancellationToken)
    {
        var user = UserLookup.Resolve(sandbox.Files, run.User);
        MakeDirectory(sandbox, run.WorkingDirectory, new ProcessUser(0, 0));
        using var mounts = await RunMounts.PrepareAsync(run, input, resources, cancellationToken);
        IEnumerable<string> home = run.Environment.Any(e => e.StartsWith("HOME=", StringComparison.Ordinal)) ? [] : ["HOME=" + user.Home];
        foreach (var id in mounts.Unmasked)
            output.Write(Encoding.UTF8.GetBytes($"Warning: the secret '{id}' has fewer than {SecretMask.MinLength} bytes and is not masked in what the command prints\n"), isError: false);
        var tail = new OutputTail(output);
        var mask = new SecretMask(tail, mounts.Secrets);
        var process = new ProcessSpec(run.Argv, [.. run.Environment, .. run.ProxyEnvironment, .. home, .. mounts.Variables], run.WorkingDirectory, user.User)
        {
            Output = mask,
            Privileges = Privileges.PackageManager,
            Network = run.Network != RunNetwork.None,
            ExtraVolumes = mounts.Volumes,
            TemporaryFileSystems = mounts.TemporaryFileSystems,
        };
        var result = await InTimeAsync(input.Label, tail, ending => RunAsync(sandbox, process, input.Label, ending), cancellationToken);
        mask.Flush();
        if (result.OutOfMemory)
            throw new StepFailedException($"{input.Label}: killed for using more memory than the sandbox has ({limits.MemoryBytes / (1024 * 1024)} MiB)", tail.Text());
        if (result.ExitCode != 0)
            throw new StepFailedException($"{input.Label}: exited with code {result.ExitCode}", tail.Text());
    }

    private static async Task<ProcessResult> RunAsync(ISandbox sandbox, ProcessSpec process, string label, CancellationToken cancellationToken)
    {
        try
        {
            return await sandbox.RunAsync(process, cancellationToken);
        }
        catch (SandboxException e)
        {
            throw new StepFailedException($"{label}: {e.Message}");
        }
    }

    /// <summary>A command that waits for an answer, or a server that sends nothing any more, must not hold a build and its node for ever.</summary>
    private async Task<T> InTimeAsync<T>(string label, OutputTail? tail, Func<CancellationToken, Task<T>> work, CancellationToken cancellationToken)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        if (TimeLimit > TimeSpan.Zero)
            ending.CancelAfter(TimeLimit);
        try
        {
            return await work(ending.Token);
        }
        catch (OperationCanceledException) when (ending.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw new StepFailedException($"{label}: stopped, for it took longer than the {TimeLimit:c} a step may take; make it faster, or have the bound raised (sandbox.step-timeout)", tail?.Text());
        }
    }

    private async Task CopyAsync(ISandbox sandbox, CopyStep copy, StepInput input, CancellationToken cancellationToken)
    {
        var index = resources.Contexts.ReadIndex(input.Context);
        var files = ContextMatcher.Match(copy, index, ignore: null);
        using var held = (sandbox.Files as RootedDirectory)?.Hold();
        var copier = new ContextCopier(held?.Files ?? sandbox.Files, copy, Owner(sandbox.Files, copy.Chown));
        if (ContextCopier.ReadsArchive(copy, files, index))
        {
            copier.CopyFromArchive(files, take => resources.Contexts.ReadFiles(input.Context, take, cancellationToken));
        }
        else if (files.Count > 0)
        {
            using var context = (await resources.Contexts.OpenAsync(input.Context, cancellationToken)).Files.Hold();
            copier.Copy(files, context.Files, cancellationToken);
        }
        copier.CopyInline();
        foreach (var url in copy.Urls)
        {
            var expected = copy.Checksum ?? input.Fetched.FirstOrDefault(fetched => fetched.Url == url)?.Digest;
            var fetched = await resources.Urls.FetchAsync(url, expected, cancellationToken);
            copier.CopyFetched(url, new RootedDirectory(content.Root), "/" + Path.GetRelativePath(content.Root, content.PathOf(fetched.Digest)), cancellationToken);
        }
    }

    /// <summary>New files belong to root unless <c>--chown</c> says otherwise, as in Docker.</summary>
    private static Owner Owner(IFileTree files, string? chown)
    {
        if (chown is null)
            return default;
        var text = UserText.Parse(chown);
        var user = UserLookup.Resolve(files, chown).User;
        // A number without a group means the same number as group (Docker's reference, COPY --chown).
        return new Owner(user.UserId, text is { Group: null, UserId: { } id } ? id : user.GroupId);
    }

    private static void MakeDirectory(ISandbox sandbox, string path, ProcessUser owner)
    {
        if (sandbox.Files.Stat(path) is null)
            sandbox.Files.CreateDirectory(path, 0b111_101_101, new Owner(owner.UserId, owner.GroupId));
    }
}
