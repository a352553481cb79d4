using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Grid.Api.Identity;
using Grid.Api.Problems;
using Grid.Api.Secrets;
using Grid.Client.Models;
using Grid.Contracts;
using Grid.Contracts.Builds;
using Grid.Contracts.Queues;
using Grid.Contracts.Tenants;
using Grid.Oci;
using Grid.Oci.Images;

namespace Grid.Api.Builds;

/// <summary>Builds as callers from outside know them: by tenant and id, looked for in the tenant's own index before a grain is asked. Used by routes and pages.</summary>
public sealed class BuildDesk(IGrainFactory grains, Uploads uploads, SecretDesk secrets, TimeProvider time)
{
    /// <summary>Builds of a list when nothing else is asked for.</summary>
    public const int DefaultPage = 50;
    private const int MaxPage = 200;

    /// <summary>The tenant, or the same 404 as for what belongs to somebody else.</summary>
    public async Task<Tenant> TenantAsync(string tenant) =>
        Names.IsTenant(tenant) && await grains.GetGrain<ITenantGrain>(tenant).GetAsync() is { } found ? found : throw ApiException.NotFound();

    /// <summary>Builds of a tenant or of one of its apps, newest first.</summary>
    public async Task<Page<BuildResource>> ListAsync(string tenant, string? app, string? after, int limit)
    {
        await TenantAsync(tenant);
        if (limit is < 1 or > MaxPage)
            throw new ApiException(ProblemCode.InvalidRequest, $"limit: 1 to {MaxPage}");
        if (after is not null && !Names.IsBuild(after))
            throw new ApiException(ProblemCode.InvalidRequest, "after: the id of a build");
        if (app is not null && !Names.IsApp(app))
            throw new ApiException(ProblemCode.InvalidRequest, $"app: {Names.AppRule}");
        var entries = await Index(app is null ? tenant : $"{tenant}/{app}").ListAsync(after, limit + 1);
        var page = await Task.WhenAll(entries.Take(limit).Select(async e => Describe(tenant, e, await Build(tenant, e.Id).GetStatusAsync())));
        return new Page<BuildResource>([.. page.Where(b => b.State != BuildState.Unknown)], entries.Length > limit ? page[^1].Id : null);
    }

    /// <summary>Names of the tenant's apps.</summary>
    public async Task<IReadOnlyList<string>> AppsAsync(string tenant)
    {
        await TenantAsync(tenant);
        return await Index(tenant).AppsAsync();
    }

    /// <summary>One build.</summary>
    public async Task<BuildResource> GetAsync(string tenant, string build) => Describe(tenant, await FindAsync(tenant, build), await Build(tenant, build).GetStatusAsync());

    /// <summary>The build's entry, or 404.</summary>
    public async Task<BuildEntry> FindAsync(string tenant, string build)
    {
        await TenantAsync(tenant);
        // One that is being forgotten is in the list a little longer than its grain knows it.
        return Names.IsBuild(build) && await Index(tenant).FindAsync(build) is { } entry && (await Build(tenant, build).GetStatusAsync()).State != BuildState.Unknown
            ? entry : throw ApiException.NotFound();
    }

    /// <summary>Checks what is asked against the tenant's policy and accepts it.</summary>
    public async Task<BuildResource> SubmitAsync(string tenant, BuildSubmission submission, string? idempotencyKey, Caller caller)
    {
        var settings = (await TenantAsync(tenant)).Settings;
        if (idempotencyKey is { Length: 0 or > 200 })
            throw new ApiException(ProblemCode.InvalidRequest, "Idempotency-Key: 1 to 200 characters");
        return await AcceptAsync(tenant, Submissions.ToRequest(tenant, submission, settings), submission.Secrets, idempotencyKey, caller);
    }

    /// <summary>Submits what an earlier build was asked for again.</summary>
    public async Task<BuildResource> RetryAsync(string tenant, string build, Caller caller)
    {
        await FindAsync(tenant, build);
        var request = await Build(tenant, build).GetRequestAsync() ?? throw ApiException.NotFound();
        // What was allowed then need not be allowed now. Secrets that were given with the build are gone; those of the tenant are there.
        return await AcceptAsync(tenant, request with { TraceParent = null, SecretIds = [] }, new Dictionary<string, byte[]>(), null, caller);
    }

    /// <summary>Asks a build to stop.</summary>
    public async Task<BuildResource> CancelAsync(string tenant, string build, Caller caller)
    {
        await FindAsync(tenant, build);
        await Build(tenant, build).CancelAsync($"cancelled by {caller.Subject}");
        return await GetAsync(tenant, build);
    }

    /// <summary>The build's key within the grid.</summary>
    public static string KeyOf(string tenant, string build) => $"{tenant}/{build}";

    private async Task<BuildResource> AcceptAsync(
        string tenant, BuildRequest request, IReadOnlyDictionary<string, byte[]> given, string? idempotencyKey, Caller caller)
    {
        // Where a build's trace begins, unless the caller has begun one.
        using var span = GridTelemetry.Start("submit build", traceParent: null);
        var hash = Digest.Compute(JsonSerializer.SerializeToUtf8Bytes(request)).Hex;
        var claim = idempotencyKey is null ? null : grains.GetGrain<IIdempotencyGrain>($"{tenant}/{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(idempotencyKey)))}");
        var isKnown = claim is not null && await claim.FindAsync() is { } claimed && await IsKnownAsync(tenant, claimed, hash);
        await EnsurePoolAsync(request.Pool);
        foreach (var archive in UploadsOf(request))
        {
            if (!await uploads.IsHereAsync(tenant, archive))
                throw new ApiException(ProblemCode.SourceMissing, $"upload the {(request.Extension is null ? "source" : "context")} first: PUT /v1/tenants/{tenant}/uploads/{archive}");
        }
        // Before anything is stored: what is not allowed, and a full queue, is met at once.
        if (!isKnown && (await grains.GetGrain<ITenantGrain>(tenant).AdmitAsync(request)).Refusal is { } refusal)
            throw new ApiException(refusal.Code, refusal.Message) { Errors = refusal.Errors };
        if (!isKnown && await grains.GetGrain<IQueueGrain>(request.Pool).WhyFullAsync(tenant, request.App) is { } full)
            throw ApiException.QueueFull(full.Refusal!, full.RetryAfter);
        var own = Guid.CreateVersion7(time.GetUtcNow()).ToString("N");
        var id = claim is null ? own : await claim.ClaimAsync(own);
        if (!isKnown && id != own)
            await IsKnownAsync(tenant, id, hash);
        var entry = new BuildEntry(id, request.App, request.Targets[0], time.GetUtcNow(), caller.Subject, hash);
        // Known before it runs: a build that nobody can find again would be lost to its owner.
        await AddAsync(tenant, entry);
        var status = await SubmitAsync(tenant, id, request with { TraceParent = Activity.Current is { Recorded: true } current ? current.Id : null }, given, caller);
        if (status.State == BuildState.Refused)
            status = await TakeBackAsync(tenant, entry, claim) ?? throw Refused(status);
        else if (id != own)
            // A request with the same key, refused a moment before, may have taken back what this one relies on.
            await RestoreAsync(tenant, entry, claim!);
        return Describe(tenant, entry, status);
    }

    /// <summary>A build for a pool that nobody has heard of would wait for ever.</summary>
    private async Task EnsurePoolAsync(string pool)
    {
        if (pool == BuildRequest.DefaultPool)
            return;
        var pools = await grains.GetGrain<IPoolDirectoryGrain>(IPoolDirectoryGrain.Key).ListAsync();
        if (!pools.Contains(pool))
        {
            var message = $"there is no pool '{pool}'; choose one of {string.Join(", ", pools.Append(BuildRequest.DefaultPool).Distinct().Order(StringComparer.Ordinal))}";
            throw new ApiException(ProblemCode.InvalidRequest, message) { Errors = new Dictionary<string, string[]> { ["pool"] = [message] } };
        }
    }

    /// <summary>What has to be uploaded before a build can be accepted.</summary>
    private static IEnumerable<Digest> UploadsOf(BuildRequest request) =>
        request.Extension is { } extension ? extension.Dockerfiles.Select(d => d.Context).OfType<Layer>().Select(context => context.Blob.Digest)
            : request is { Origin: null, Rebase: null } ? [request.Source.Blob.Digest] : [];

    /// <summary>Submits a build, with the secrets it was given for itself beside it.</summary>
    private async Task<BuildStatus> SubmitAsync(string tenant, string id, BuildRequest request, IReadOnlyDictionary<string, byte[]> given, Caller caller)
    {
        if (given.Count == 0 || HasEnded(await Build(tenant, id).GetStatusAsync()))
            return await Build(tenant, id).SubmitAsync(request);
        await secrets.SetForBuildAsync(tenant, id, given, caller);
        var status = await Build(tenant, id).SubmitAsync(request);
        // The build removes them when it ends; one that was refused, or had ended before, does not.
        if (HasEnded(status))
            await secrets.ClearForBuildAsync(tenant, id);
        return status;
    }

    /// <summary>Whether the build of an idempotency key is there.</summary>
    /// <exception cref="ApiException">It is, and was asked for with other words.</exception>
    private async Task<bool> IsKnownAsync(string tenant, string build, string requestHash) => await Index(tenant).FindAsync(build) is { } known
        && (known.RequestHash == requestHash ? true : throw new ApiException(ProblemCode.IdempotencyMismatch, "this Idempotency-Key was used for another build; use a new one"));

    private async Task AddAsync(string tenant, BuildEntry entry)
    {
        await Index(tenant).AddAsync(entry);
        await Index($"{tenant}/{entry.App}").AddAsync(entry);
    }

    private async Task RestoreAsync(string tenant, BuildEntry entry, IIdempotencyGrain claim)
    {
        await AddAsync(tenant, entry);
        await claim.ClaimAsync(entry.Id);
    }

    /// <summary>
    /// The queue filled up since it was asked: nothing remains of the build. But when a request with the same idempotency key was let in meanwhile, the
    /// build is there, and this is its status.
    /// </summary>
    private async Task<BuildStatus?> TakeBackAsync(string tenant, BuildEntry entry, IIdempotencyGrain? claim)
    {
        await ForgetAsync(tenant, entry.App, [entry.Id]);
        if (claim is null)
            return null;
        await claim.ReleaseAsync(entry.Id);
        var status = await Build(tenant, entry.Id).GetStatusAsync();
        if (status.State == BuildState.Unknown)
            return null;
        await RestoreAsync(tenant, entry, claim);
        return status;
    }

    /// <summary>Takes builds of an app out of the lists.</summary>
    private async Task ForgetAsync(string tenant, string app, string[] builds)
    {
        var anyLeft = await Index($"{tenant}/{app}").RemoveAsync(builds);
        await Index(tenant).RemoveAsync(builds);
        if (!anyLeft)
            await Index(tenant).RemoveAppAsync(app);
    }

    private static ApiException Refused(BuildStatus status) => status.Failure is { Code: { } code, Message: var message } ? new ApiException(code, message) : ApiException.QueueFull(status.Failure!.Message, status.RetryAfter);

    private static bool HasEnded(BuildStatus status) => status.State is not (BuildState.Unknown or BuildState.Queued or BuildState.Running);

    private IBuildIndexGrain Index(string key) => grains.GetGrain<IBuildIndexGrain>(key);

    private IBuildGrain Build(string tenant, string build) => grains.GetGrain<IBuildGrain>(KeyOf(tenant, build));

    private static BuildResource Describe(string tenant, BuildEntry entry, BuildStatus status) => new()
    {
        Id = entry.Id,
        Tenant = tenant,
        App = entry.App,
        Image = entry.Image,
        State = status.State,
        SubmittedAt = entry.SubmittedAt,
        FinishedAt = status.FinishedAt,
        Phases = status.Phases.Select((state, phase) => ((Phase)phase, state)).ToDictionary(p => p.Item1, p => p.state),
        Failure = status.Failure is { } failure ? new BuildFailure(failure.ExitCode, failure.Phase, failure.Message, failure.Output) { Code = failure.Code } : null,
        Digest = status.Image?.Digest,
        Locations = status.Image?.Locations ?? [],
    };
}
