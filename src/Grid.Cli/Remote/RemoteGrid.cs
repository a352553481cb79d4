using System.Diagnostics;
using System.Runtime.CompilerServices;
using Grid.Cli.Commands;
using Grid.Cli.Progress;
using Grid.Client;
using Grid.Client.Models;
using Grid.Contracts.Events;
using Grid.Hosting.Telemetry;
using Grid.Lifecycle.Source;
using Grid.Oci.Content;
using Grid.Oci.Images;
using Grid.Oci.Layers;

namespace Grid.Cli.Remote;

/// <summary>A running grid, as the embedded one is used: source goes up, events come back.</summary>
internal sealed class RemoteGrid : IDisposable
{
    private readonly HttpClient _http;
    private readonly string _tenant;

    /// <param name="context">Which grid, and who asks.</param>
    /// <param name="command">The command that asks: the name of its span.</param>
    public RemoteGrid(ServerContext context, string command)
    {
        Trace = CommandTrace.Start(command, ActivityKind.Client);
        var servers = new GridServers([context.Server, .. context.Others], GridServers.Connections(), notice => Console.Error.WriteLine($"grid: {notice}"), TimeProvider.System);
        _http = new HttpClient(servers) { BaseAddress = context.Server, Timeout = Timeout.InfiniteTimeSpan };
        Client = new GridClient(_http, context.Token);
        _tenant = context.Tenant;
    }

    public GridClient Client { get; }

    /// <summary>The command's span, which what the grid does is below.</summary>
    public CommandTrace Trace { get; }

    /// <summary>Packs an app's source and sends it, unless the grid has it.</summary>
    public Task<SourceUpload> UploadSourceAsync(string directory, CancellationToken cancellationToken) =>
        UploadAsync(store => AppSource.Pack(store, directory, cancellationToken), cancellationToken);

    /// <summary>Packs a build context, all of it, and sends it, unless the grid has it: a node leaves out what its .dockerignore names.</summary>
    public Task<SourceUpload> UploadContextAsync(string directory, CancellationToken cancellationToken) =>
        UploadAsync(store => SourceArchive.Pack(store, directory, (_, _) => true, cancellationToken), cancellationToken);

    private async Task<SourceUpload> UploadAsync(Func<ContentStore, Layer> pack, CancellationToken cancellationToken)
    {
        var scratch = Directory.CreateTempSubdirectory("grid-source-");
        try
        {
            var store = new ContentStore(scratch.FullName);
            var archive = await Task.Run(() => pack(store), cancellationToken);
            await using var content = store.Open(archive.Blob);
            await Client.UploadAsync(_tenant, archive.Blob.Digest.ToString(), content, cancellationToken);
            return new SourceUpload(archive.Blob.Digest.ToString(), archive.DiffId.ToString(), archive.Blob.Size, archive.Blob.MediaType);
        }
        finally
        {
            scratch.Delete(recursive: true);
        }
    }

    /// <summary>Submits a build and gives its events to its end. Cancelling asks the build to stop and still gives the rest.</summary>
    public async IAsyncEnumerable<BuildEvent> BuildAsync(BuildSubmission submission, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var build = await SubmitAsync(submission, cancellationToken);
        await foreach (var buildEvent in WatchAsync(build, cancellationToken))
            yield return buildEvent;
    }

    /// <summary>Submits a build. The key is this command's: a submission whose answer was lost is not submitted twice.</summary>
    public Task<BuildResource> SubmitAsync(BuildSubmission submission, CancellationToken cancellationToken) =>
        Client.SubmitBuildAsync(_tenant, submission, Guid.NewGuid().ToString(), cancellationToken);

    /// <summary>A build's events to its end. Cancelling asks the build to stop and still gives the rest.</summary>
    public async IAsyncEnumerable<BuildEvent> WatchAsync(BuildResource build, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await using var registration = cancellationToken.Register(() => _ = CancelAsync(build.Id));
        await foreach (var buildEvent in Client.WatchBuildAsync(_tenant, build.Id, 0, CancellationToken.None))
            yield return buildEvent;
    }

    /// <summary>Shows a build's events to its end; gives the command's exit code.</summary>
    public async Task<int> ShowAsync(IAsyncEnumerable<BuildEvent> events, bool json, string verb)
    {
        var code = UserError.CodeOf(await EventScreen.ShowAsync(events, json, verb));
        Trace.End(code);
        return code;
    }

    public void Dispose()
    {
        _http.Dispose();
        Trace.Dispose();
    }

    private async Task CancelAsync(string build)
    {
        try
        {
            await Client.CancelBuildAsync(_tenant, build, CancellationToken.None);
        }
        catch (Exception e) when (e is GridApiException or HttpRequestException)
        {
            await Console.Error.WriteLineAsync($"grid: the build could not be cancelled ({e.Message}); it goes on");
        }
    }
}
