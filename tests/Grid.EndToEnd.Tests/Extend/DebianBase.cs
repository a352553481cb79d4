using Grid.EndToEnd.Tests.Fixtures;
using Grid.Oci;
using Grid.Oci.Images;
using Grid.Oci.Layouts;

[assembly: AssemblyFixture(typeof(Grid.EndToEnd.Tests.Extend.DebianBase))]

namespace Grid.EndToEnd.Tests.Extend;

/// <summary>
/// A base image like the one of the recordings: Debian's minbase with ca-certificates and the user cnb. Made from packages once and kept beside
/// the build output; the data directory of <c>grid</c> is shared by all tests that extend it, so that it is unpacked once.
/// </summary>
public sealed class DebianBase : IAsyncDisposable
{
    private readonly Lazy<Task<string>> _layout;

    public DebianBase() => _layout = new Lazy<Task<string>>(() => CreateAsync(Scratch));

    /// <summary>A directory that is removed at the end.</summary>
    public string Scratch { get; } = Directory.CreateTempSubdirectory("grid-extend-").FullName;

    /// <summary>Data directory of the grid.</summary>
    public string Data => Path.Combine(Scratch, "data");

    /// <summary>The image, as grid takes it. Skips the test where it cannot be made.</summary>
    public async Task<string> ImageAsync()
    {
        TestMachine.Require();
        if (!TestMachine.IsInstalled("mmdebstrap"))
            Assert.Skip("mmdebstrap is not installed");
        return $"oci:{await _layout.Value}:recorded";
    }

    public async ValueTask DisposeAsync() => await Tool.RunAsync("rm", "-rf", "--one-file-system", Scratch);

    private static async Task<string> CreateAsync(string scratch)
    {
        var kept = Path.Combine(TestMachine.Repository, "artifacts", "debian-base");
        await Tool.RunAsync(Path.Combine(TestMachine.Repository, "deploy/quickstart/base-images.sh"), kept);
        var stores = new LayoutImageStore();
        var platform = new Platform("linux", (await Tool.RunAsync("dpkg", "--print-architecture")).Trim());
        var image = await stores.FindAsync(new ImageLocation.Layout(kept, "run"), platform, CancellationToken.None)
            ?? throw new InvalidOperationException($"{kept} has no image 'run'");
        var builder = ImageBuilder.From(image);
        builder.Config = builder.Config with
        {
            Config = new ContainerConfig
            {
                User = "1001:1001",
                Env = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
                Labels = new Dictionary<string, string>
                {
                    ["io.buildpacks.base.distro.name"] = "debian",
                    ["io.buildpacks.base.distro.version"] = "12",
                    ["io.buildpacks.base.id"] = "ref.bookworm.run",
                    ["io.buildpacks.base.maintainer"] = "ref",
                    ["io.buildpacks.stack.id"] = "ref.bookworm",
                },
            },
        };
        var layout = Path.Combine(scratch, "debian-base");
        await stores.PushAsync(builder.Build(), new ImageLocation.Layout(layout, "recorded"), null, CancellationToken.None);
        return layout;
    }
}
