using System.Collections.Concurrent;
using System.Net;
using Grid.Client;
using Grid.Client.Models;
using Grid.Contracts.Builds;
using Grid.EndToEnd.Tests.Fixtures;
using Grid.Lifecycle.Source;
using Grid.Oci.Content;

namespace Grid.EndToEnd.Tests.Chaos;

/// <summary>What is built: a source that no other has, for one app of one tenant.</summary>
internal sealed record ChaosSource(string Tenant, string App, int Generation)
{
    /// <summary>Its buildpack waits until it is let go.</summary>
    public bool Holds { get; init; }

    public string Text => $"{Tenant} {App} {Generation}\n";

    public override string ToString() => $"{Tenant}/{App} {Generation}";
}

/// <summary>A build the grid has accepted.</summary>
/// <param name="Source">What it builds.</param>
/// <param name="Id">Its id within the tenant.</param>
/// <param name="Image">The name it writes.</param>
internal sealed record AcceptedBuild(ChaosSource Source, string Id, string Image);

/// <summary>Submits builds to whichever node answers, as clients do that want their builds: again, with the same key, until the answer is there.</summary>
/// <param name="any">A node's API; null while none runs.</param>
/// <param name="clientOf">A client of it.</param>
/// <param name="builder">The builder image.</param>
/// <param name="images">Where images go: host and first part of the name.</param>
internal sealed class BuildLoad(Func<Uri?> any, Func<Uri, GridClient> clientOf, string builder, string images)
{
    private readonly ConcurrentQueue<AcceptedBuild> _accepted = new();

    /// <summary>All that was accepted.</summary>
    public IReadOnlyList<AcceptedBuild> Accepted => [.. _accepted];

    /// <summary>Makes a tenant.</summary>
    public Task AddTenantAsync(string tenant, CancellationToken cancellationToken) =>
        AskAsync(client => client.SetTenantAsync(tenant, new TenantSettingsResource(), cancellationToken), cancellationToken);

    /// <summary>One build after the other of an app, each until it has ended, as long as this is wanted.</summary>
    public async Task RepeatAsync(string tenant, string app, Func<bool> wanted, CancellationToken cancellationToken)
    {
        for (var generation = 1; wanted(); generation++)
            await EndAsync(await SubmitAsync(new ChaosSource(tenant, app, generation), cancellationToken), cancellationToken);
    }

    public async Task<AcceptedBuild> SubmitAsync(ChaosSource source, CancellationToken cancellationToken)
    {
        var image = $"{images}/{source.Tenant}/{source.App}:{source.Generation}";
        var key = Guid.NewGuid().ToString();
        var directory = Directory.CreateTempSubdirectory("grid-chaos-source-");
        try
        {
            await File.WriteAllTextAsync(Path.Combine(Directory.CreateDirectory(Path.Combine(directory.FullName, "app")).FullName, "source.txt"), source.Text, cancellationToken);
            await File.WriteAllTextAsync(Path.Combine(directory.FullName, "app", "hello.txt"), source.Text, cancellationToken);
            if (source.Holds)
                await File.WriteAllTextAsync(Path.Combine(directory.FullName, "app", ChaosBuilder.Hold), "", cancellationToken);
            var store = new ContentStore(Path.Combine(directory.FullName, "content"));
            var archive = AppSource.Pack(store, Path.Combine(directory.FullName, "app"), cancellationToken);
            var (blob, digest) = (archive.Blob, archive.Blob.Digest.ToString());
            var build = await AskAsync(async client =>
            {
                await using (var content = store.Open(blob))
                    await client.UploadAsync(source.Tenant, digest, content, cancellationToken);
                return await client.SubmitBuildAsync(source.Tenant, new BuildSubmission
                {
                    App = source.App, Image = image, Builder = builder, Source = new SourceUpload(digest, archive.DiffId.ToString(), blob.Size, blob.MediaType),
                    // Without it images say on which day their steps ran, and a run over midnight makes two.
                    SourceDateEpoch = 1,
                }, key, cancellationToken);
            }, cancellationToken);
            var accepted = new AcceptedBuild(source, build.Id, image);
            _accepted.Enqueue(accepted);
            return accepted;
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    /// <summary>Waits until a build has ended.</summary>
    public async Task<BuildResource> EndAsync(AcceptedBuild build, CancellationToken cancellationToken)
    {
        while (true)
        {
            var state = await AskAsync(client => client.GetBuildAsync(build.Source.Tenant, build.Id, cancellationToken), cancellationToken);
            if (state.State is not (BuildState.Queued or BuildState.Running))
                return state;
            await Task.Delay(TimeSpan.FromMilliseconds(300), cancellationToken);
        }
    }

    /// <summary>Asks nodes until one answers; what is wrong with a question is an answer.</summary>
    public async Task<T> AskAsync<T>(Func<GridClient, Task<T>> ask, CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                if (any() is { } node)
                    return await ask(clientOf(node));
            }
            catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException
                || e is GridApiException { Status: >= HttpStatusCode.InternalServerError or HttpStatusCode.TooManyRequests })
            {
                cancellationToken.ThrowIfCancellationRequested();
            }
            await Task.Delay(TimeSpan.FromMilliseconds(200), cancellationToken);
        }
    }
}
