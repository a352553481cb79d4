using Grid.Contracts.Apps;
using Grid.Contracts.Builds;
using Grid.Contracts.Events;
using Grid.Contracts.Tenants;
using Grid.Grains.Retention;

namespace Grid.Hosting.Retention;

/// <summary>
/// Forgets finished builds: their grains, journals, artifacts, and places in lists and histories. Whoever asks for one is told that there is none from the first
/// step on, and the list that finds it for us loses it last, so that what is interrupted is done by the next run.
/// </summary>
public sealed class BuildExpiry(IGrainFactory grains, IBuildJournals journals, IBuildArtifacts artifacts, RetentionOptions options, TimeProvider time)
{
    private const int Page = 200;

    /// <summary>Forgets what is due of all tenants; says how many.</summary>
    public async Task<int> RunAsync(CancellationToken cancellationToken)
    {
        var forgotten = 0;
        foreach (var tenant in await grains.GetGrain<ITenantDirectoryGrain>(ITenantDirectoryGrain.Key).ListAsync())
        {
            foreach (var app in await Index(tenant).AppsAsync())
            {
                foreach (var entry in await DueAsync(tenant, app, cancellationToken))
                {
                    cancellationToken.ThrowIfCancellationRequested();
                    if (await ForgetAsync(tenant, app, entry.Id, cancellationToken))
                        forgotten++;
                }
            }
        }
        return forgotten;
    }

    /// <summary>Forgets a build that has ended, unless it is the newest its app has published.</summary>
    public async Task<bool> ForgetAsync(string buildKey, CancellationToken cancellationToken)
    {
        var slash = buildKey.IndexOf('/', StringComparison.Ordinal);
        if (slash < 0)
            return false;
        var request = await grains.GetGrain<IBuildGrain>(buildKey).GetRequestAsync();
        return request is null ? await grains.GetGrain<IBuildGrain>(buildKey).ForgetAsync() : await ForgetAsync(request.Tenant, request.App, buildKey[(slash + 1)..], cancellationToken);
    }

    private async Task<bool> ForgetAsync(string tenant, string app, string build, CancellationToken cancellationToken)
    {
        var key = $"{tenant}/{build}";
        if (!await grains.GetGrain<IAppGrain>($"{tenant}/{app}").ForgetAsync(key) || !await grains.GetGrain<IBuildGrain>(key).ForgetAsync())
            return false;
        await journals.RemoveAsync(key, cancellationToken);
        await artifacts.RemoveAsync(key, cancellationToken);
        var anyLeft = await Index($"{tenant}/{app}").RemoveAsync([build]);
        await Index(tenant).RemoveAsync([build]);
        if (!anyLeft)
            await Index(tenant).RemoveAppAsync(app);
        return true;
    }

    private async Task<List<BuildEntry>> DueAsync(string tenant, string app, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var due = new List<BuildEntry>();
        var seen = 0;
        for (string? before = null; ;)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var page = await Index($"{tenant}/{app}").ListAsync(before, Page);
            foreach (var entry in page)
            {
                var isMany = ++seen > options.KeepBuildsPerApp && options.KeepBuildsPerApp > 0;
                // Asked only of those that may be due.
                if ((isMany || entry.SubmittedAt < now - options.KeepBuilds) && await IsDueAsync(tenant, entry, isMany ? options.Grace : options.KeepBuilds, now))
                    due.Add(entry);
            }
            if (page.Length < Page)
                return due;
            before = page[^1].Id;
        }
    }

    /// <summary>Whether a build ended so long ago. One that its grain does not know was never accepted, or is half forgotten.</summary>
    private async Task<bool> IsDueAsync(string tenant, BuildEntry entry, TimeSpan age, DateTimeOffset now)
    {
        var status = await grains.GetGrain<IBuildGrain>($"{tenant}/{entry.Id}").GetStatusAsync();
        return status.State switch
        {
            BuildState.Queued or BuildState.Running => false,
            BuildState.Unknown => entry.SubmittedAt < now - options.Grace,
            _ => (status.FinishedAt ?? entry.SubmittedAt) < now - age,
        };
    }

    private IBuildIndexGrain Index(string key) => grains.GetGrain<IBuildIndexGrain>(key);
}
