using Azure;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using Grid.Hosting.Configuration;
using Grid.Hosting.Storage;
using Grid.Hosting.Storage.AzureBlobs;
using Grid.Hosting.Tests.Servers;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Orleans;
using Orleans.Configuration;
using Orleans.Runtime;
using Orleans.Storage;

namespace Grid.Hosting.Tests.Storage;

/// <summary>Azure Blob Storage, our own storage: the suite, and what only it promises.</summary>
public sealed class AzureBlobGrainStorageTests(TestServers servers) : GrainStorageConformance
{
    private readonly string _container = "grid-state-" + Guid.NewGuid().ToString("n")[..8];
    private BlobContainerClient _blobs = null!;

    protected override async Task<NodeOptions> OptionsAsync()
    {
        var connection = await servers.AzureAsync();
        _blobs = Connections.AzureBlobs(connection).GetBlobContainerClient(_container);
        return Sample.Node with { ServiceId = "service-1", State = StateStorage.Azure, AzureConnection = connection, StateContainer = _container };
    }

    private async Task<AzureBlobGrainStorage> StorageWithAsync(Action<AzureBlobStorageOptions> configure, string serviceId = "service-1")
    {
        var options = new AzureBlobStorageOptions
        {
            ContainerName = _container,
            BlobServiceClient = Connections.AzureBlobs(await servers.AzureAsync()),
            GrainStorageSerializer = Silo.Services.GetRequiredService<IGrainStorageSerializer>(),
        };
        configure(options);
        var storage = ActivatorUtilities.CreateInstance<AzureBlobGrainStorage>(Silo.Services, "other", options, Options.Create(new ClusterOptions { ServiceId = serviceId }));
        await storage.StartAsync(TestContext.Current.CancellationToken);
        return storage;
    }

    [Fact]
    public async Task A_blob_says_what_it_is_and_where_it_belongs()
    {
        var grain = GrainId.Create("build", "tenant/42");
        await WriteAsync(grain, 1, "build");

        var blob = _blobs.GetBlobClient("service-1/build/build/tenant~2f42.json");
        var properties = (await blob.GetPropertiesAsync()).Value;

        properties.ContentType.ShouldBe("application/json");
        properties.Metadata["grid_schema"].ShouldBe("1");
        (await blob.DownloadContentAsync()).Value.Content.ToString().ShouldContain("1");
    }

    [Fact]
    public async Task Services_do_not_see_each_other()
    {
        var grain = NewGrain();
        await WriteAsync(grain, 1);
        var state = new StoredState();

        await (await StorageWithAsync(_ => { }, "service-2")).ReadStateAsync("record", grain, state);

        state.RecordExists.ShouldBeFalse();
    }

    [Fact]
    public async Task A_key_longer_than_names_may_be_is_a_name_of_its_own()
    {
        var (one, two) = (GrainId.Create("test", new string('k', 3000) + "1"), GrainId.Create("test", new string('k', 3000) + "2"));
        await WriteAsync(one, 1);
        await WriteAsync(two, 2);

        (await ReadAsync(one)).State.Number.ShouldBe(1);
        (await ReadAsync(two)).State.Number.ShouldBe(2);
    }

    [Fact]
    public async Task Cleared_and_kept_the_record_has_an_etag_and_guards_it()
    {
        var storage = await StorageWithAsync(o => o.DeleteStateOnClear = false);
        var grain = NewGrain();
        var state = await WriteAsync(grain, 1);
        var stale = await ReadAsync(grain);
        await storage.ClearStateAsync("record", grain, state);

        state.ETag.ShouldNotBeNullOrEmpty();
        var read = new StoredState();
        await storage.ReadStateAsync("record", grain, read);
        read.RecordExists.ShouldBeFalse();
        read.ETag.ShouldBe(state.ETag);
        await Should.ThrowAsync<InconsistentStateException>(() => storage.WriteStateAsync("record", grain, stale));
        await storage.WriteStateAsync("record", grain, read);
    }

    [Fact]
    public async Task Cancelled_calls_end()
    {
        using var cancelled = new CancellationTokenSource();
        await cancelled.CancelAsync();
        var state = await ReadAsync(NewGrain());

        await Should.ThrowAsync<OperationCanceledException>(() => Storage.ReadStateAsync("record", NewGrain(), state, cancelled.Token));
        await Should.ThrowAsync<OperationCanceledException>(() => Storage.WriteStateAsync("record", NewGrain(), state, cancelled.Token));
        await Should.ThrowAsync<OperationCanceledException>(() => Storage.ClearStateAsync("record", NewGrain(), state, cancelled.Token));
    }

    [Fact]
    public async Task A_container_that_was_removed_loses_its_records_and_takes_new_ones()
    {
        var grain = NewGrain();
        var state = await WriteAsync(grain, 1);
        await _blobs.DeleteAsync();

        (await ReadAsync(grain)).RecordExists.ShouldBeFalse();
        await Should.ThrowAsync<InconsistentStateException>(() => Storage.WriteStateAsync("record", grain, state));
        await Should.ThrowAsync<InconsistentStateException>(() => Storage.ClearStateAsync("record", grain, state));
        (await WriteAsync(grain, 2)).RecordExists.ShouldBeTrue();
    }

    [Fact]
    public async Task A_record_of_a_newer_version_is_not_read_as_ours()
    {
        var grain = NewGrain();
        await WriteAsync(grain, 1);
        await foreach (var blob in _blobs.GetBlobsAsync())
            await _blobs.GetBlobClient(blob.Name).SetMetadataAsync(new Dictionary<string, string> { ["grid_schema"] = "2" });

        (await Should.ThrowAsync<InvalidDataException>(() => ReadAsync(grain))).Message.ShouldContain("newer Grid");
    }

    [Fact]
    public async Task An_account_that_does_not_answer_is_an_error_and_not_an_empty_record()
    {
        var server = await TestServers.StartOwnAzuriteAsync();
        await using (server)
        {
            var client = new BlobServiceClient(TestServers.AzureConnection(server), new BlobClientOptions(BlobClientOptions.ServiceVersion.V2026_06_06) { Retry = { MaxRetries = 0 } });
            var storage = await StorageWithAsync(o => o.BlobServiceClient = client);
            await server.KillAsync();
            var state = new StoredState();

            await Should.ThrowAsync<RequestFailedException>(() => storage.ReadStateAsync("record", NewGrain(), state));
        }
    }

    [Theory]
    [InlineData("A", "lower-case")]
    [InlineData("ab", "3 to 63")]
    [InlineData("-abc", "begins")]
    [InlineData("a--b", "single dashes")]
    public void A_container_name_that_cannot_be_is_refused_before_the_silo_starts(string name, string reason)
    {
        var options = new AzureBlobStorageOptions { ContainerName = name };
        options.ConfigureBlobServiceClient(new Uri("http://127.0.0.1:1/account"));

        Should.Throw<OrleansConfigurationException>(new AzureBlobStorageOptionsValidator(options, "grid").ValidateConfiguration).Message.ShouldContain(reason);
    }

    [Fact]
    public void Settings_without_an_account_are_refused_before_the_silo_starts() =>
        Should.Throw<OrleansConfigurationException>(new AzureBlobStorageOptionsValidator(new AzureBlobStorageOptions(), "grid").ValidateConfiguration).Message.ShouldContain("no account");
}
