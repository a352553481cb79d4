using Grid.Dockerfiles.Planning;
using Grid.Lifecycle.Extend;

namespace Grid.Lifecycle.Tests.Extend;

public sealed class CacheVolumesTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("grid-volumes-").FullName;

    private CacheVolumes Volumes => field ??= new CacheVolumes(Path.Combine(_root, "volumes"));

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public async Task OpenAsync_SameIdAndScope_IsTheSameDirectory()
    {
        using var first = await OpenAsync("tenant", "apt");
        using var second = await OpenAsync("tenant", "apt");
        second.Path.ShouldBe(first.Path);
    }

    [Fact]
    public async Task OpenAsync_OtherScopeOrId_IsAnotherDirectory()
    {
        using var first = await OpenAsync("tenant", "apt");
        using var scope = await OpenAsync("tenant/apt", "");
        using var id = await OpenAsync("tenant", "npm");
        new[] { first.Path, scope.Path, id.Path }.ShouldBeUnique();
    }

    [Theory]
    [InlineData("../../etc")]
    [InlineData("/etc")]
    [InlineData("a\nb")]
    public async Task OpenAsync_AnyId_StaysBelow(string id)
    {
        using var volume = await OpenAsync("../x", id);
        Path.GetFullPath(volume.Path).ShouldStartWith(_root + "/volumes/");
        Directory.Exists(volume.Path).ShouldBeTrue();
    }

    [Fact]
    public async Task OpenAsync_Locked_WaitsForTheOtherAndCanBeCancelled()
    {
        var first = await OpenAsync("tenant", "apt", CacheSharing.Locked);
        var second = OpenAsync("tenant", "apt", CacheSharing.Locked);
        using var cancellation = new CancellationTokenSource();
        var third = Volumes.OpenAsync("tenant", Mount("apt", CacheSharing.Locked), cancellation.Token);
        second.IsCompleted.ShouldBeFalse();
        await cancellation.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(() => third);
        first.Dispose();
        (await second).Path.ShouldBe(first.Path);
    }

    [Fact]
    public async Task OpenAsync_Private_GivesAFreeOneAndTheFirstAgain()
    {
        var first = await OpenAsync("tenant", "apt", CacheSharing.Private);
        using var second = await OpenAsync("tenant", "apt", CacheSharing.Private);
        second.Path.ShouldNotBe(first.Path);
        first.Dispose();
        using var third = await OpenAsync("tenant", "apt", CacheSharing.Private);
        third.Path.ShouldBe(first.Path);
    }

    private Task<CacheVolume> OpenAsync(string scope, string id, CacheSharing sharing = CacheSharing.Shared) =>
        Volumes.OpenAsync(scope, Mount(id, sharing), TestContext.Current.CancellationToken);

    private static RunMount Mount(string id, CacheSharing sharing) => new(RunMountKind.Cache, "/c") { Id = id, Sharing = sharing };
}
