using Grid.Buildpacks;
using Grid.Oci;
using Grid.Oci.Content;
using Grid.Oci.Images;

namespace Grid.Hosting.Tests;

public sealed class DataDirectoryTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("grid-data-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    private BuilderLocator Locator() => new(new ImageStores([]), new ContentStore(Path.Combine(_directory, "content")), new GridOptions { DataDirectory = _directory });

    [Fact]
    public async Task Lock_IsHeldUntilDisposed()
    {
        var first = await DataDirectoryLock.TakeAsync(_directory, TestContext.Current.CancellationToken);
        using var cancellation = new CancellationTokenSource();
        var second = DataDirectoryLock.TakeAsync(_directory, cancellation.Token);
        second.IsCompleted.ShouldBeFalse();
        first.Dispose();

        (await second).Dispose();
    }

    [Fact]
    public async Task Lock_Cancelled_StopsWaiting()
    {
        using var first = await DataDirectoryLock.TakeAsync(_directory, TestContext.Current.CancellationToken);
        using var cancellation = new CancellationTokenSource();
        var second = DataDirectoryLock.TakeAsync(_directory, cancellation.Token);
        await cancellation.CancelAsync();

        await Should.ThrowAsync<OperationCanceledException>(second);
    }

    [Fact]
    public async Task Lock_DirectoryIsMissing_IsAnError() =>
        await Should.ThrowAsync<DirectoryNotFoundException>(() => DataDirectoryLock.TakeAsync(Path.Combine(_directory, "none"), TestContext.Current.CancellationToken));

    [Fact]
    public async Task Builder_DirectoryWithoutBuilder_SaysWhatIsMissing()
    {
        var error = await Should.ThrowAsync<LifecycleException>(() => Locator().ResolveAsync(_directory, TestContext.Current.CancellationToken));

        error.ExitCode.ShouldBe(ExitCode.InvalidArgs);
        error.Message.ShouldContain("oci-layout");
        error.Message.ShouldContain("builder.toml");
    }

    [Fact]
    public async Task Builder_LayoutDirectory_IsItsLocation()
    {
        await File.WriteAllTextAsync(Path.Combine(_directory, "oci-layout"), "{}");

        (await Locator().ResolveAsync(_directory, TestContext.Current.CancellationToken)).ShouldBe(new ImageLocation.Layout(_directory, null));
    }

    [Fact]
    public async Task Builder_ImageName_IsParsedAndNoMore() =>
        (await Locator().ResolveAsync("registry.example/builder:1", TestContext.Current.CancellationToken)).ToString().ShouldContain("registry.example/builder:1");

    [Theory]
    [InlineData("[[buildpacks]]\nuri = ")]
    [InlineData("description = 3\n")]
    [InlineData("")]
    public async Task Builder_BadBuilderToml_NamesTheFile(string text)
    {
        var file = Path.Combine(_directory, "builder.toml");
        await File.WriteAllTextAsync(file, text);

        (await Should.ThrowAsync<Exception>(() => Locator().ResolveAsync(_directory, TestContext.Current.CancellationToken))).Message.ShouldContain("builder.toml");
    }
}
