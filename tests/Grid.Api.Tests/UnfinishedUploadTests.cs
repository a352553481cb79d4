using System.IO.Pipelines;
using System.Text;
using Grid.Api.Builds;
using Grid.Grains.Tests.Cluster;
using Grid.Oci;
using Grid.Oci.Content;

namespace Grid.Api.Tests;

/// <summary>Uploads that were broken off.</summary>
public sealed class UnfinishedUploadTests(ApiUnderTest api) : IClassFixture<ApiUnderTest>, IDisposable
{
    private static readonly byte[] Bytes = Encoding.UTF8.GetBytes("an archive of which a part is here");
    private static readonly Digest Archive = Digest.Compute(Bytes);
    private readonly string _directory = Directory.CreateTempSubdirectory("grid-uploads-").FullName;
    private readonly MovedClock _clock = new();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    private Uploads Start()
    {
        var store = new ContentStore(Path.Combine(_directory, "content"));
        return new Uploads(store, new TieredContent(store, null), api.Grid.Grains, new ApiOptions { DataDirectory = _directory, KeepUnfinishedUploads = TimeSpan.FromHours(24) }, _clock);
    }

    [Fact]
    public async Task RemoveUnfinished_WhatNobodyWentOnWithForItsTime_GoesAndTheUploadBeginsAnew()
    {
        var uploads = Start();
        await Should.ThrowAsync<Exception>(uploads.ReceiveAsync("green", Archive, 0, Bytes.Length, new MemoryStream(Bytes, 0, 10), Stop));
        _clock.Advance(TimeSpan.FromHours(23));
        uploads.RemoveUnfinished().ShouldBe(0);
        uploads.Received("green", Archive).ShouldBe(10);

        _clock.Advance(TimeSpan.FromHours(1));
        uploads.RemoveUnfinished().ShouldBe(1);

        uploads.Received("green", Archive).ShouldBe(0);
        await uploads.ReceiveAsync("green", Archive, 0, Bytes.Length, new MemoryStream(Bytes), Stop);
        (await uploads.IsHereAsync("green", Archive)).ShouldBeTrue();
    }

    [Fact]
    public async Task RemoveUnfinished_WhatIsBeingReceived_Stays()
    {
        var uploads = Start();
        var body = new Pipe();
        var receiving = uploads.ReceiveAsync("grey", Archive, 0, Bytes.Length, body.Reader.AsStream(), Stop);
        await body.Writer.WriteAsync(Bytes.AsMemory(0, 10), Stop);
        while (uploads.Received("grey", Archive) < 10)
            await Task.Yield();
        _clock.Advance(TimeSpan.FromDays(2));

        uploads.RemoveUnfinished().ShouldBe(0);

        await body.Writer.WriteAsync(Bytes.AsMemory(10), Stop);
        await body.Writer.CompleteAsync();
        await receiving;
        (await uploads.IsHereAsync("grey", Archive)).ShouldBeTrue();
    }
}
