using System.Diagnostics;
using Grid.Dockerfiles.Context;
using Grid.Dockerfiles.Planning;
using Grid.Lifecycle.Extend;
using Grid.Oci.Content;
using Grid.Oci.FileSystem;
using Grid.Oci.Images;
using Grid.Oci.Layers;

namespace Grid.Lifecycle.Tests.Extend;

public sealed class ContextCopierTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("grid-copier-").FullName;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public async Task CopyFromArchive_GivesWhatCopyGives()
    {
        Run("mkdir -p context/d/empty context/a; echo 1 >context/f; echo 2 >context/d/g; chmod 4751 context/f; ln -s ../f context/d/link; echo 3 >context/a-b; echo 4 >context/a/c; echo a-b >context/.dockerignore");
        var (store, context) = Pack();
        var files = ContextMatcher.Match(Step("."), store.ReadIndex(context), ignore: null);
        foreach (var image in new[] { "tree", "one-by-one" })
            Run($"mkdir -p {image}/opt/d; echo old >{image}/opt/f; ln -s /elsewhere {image}/opt/a-link; ln -s f {image}/opt/d/g");

        new ContextCopier(Image("tree"), Step("."), default).CopyFromArchive(files, take => store.ReadFiles(context, take, Token));
        new ContextCopier(Image("one-by-one"), Step("."), default).Copy(files, (await store.OpenAsync(context, Token)).Files, Token);

        const string List = "find . -mindepth 1 -printf '%P %y %m %s %l %U:%G\\n' | sort; find . -type f | sort | xargs cat";
        Run("cd tree; " + List).ShouldBe(Run("cd one-by-one; " + List));
        Run("cd tree/opt; cat f d/g; ls; stat -c %a f").ShouldBe("1\n2\na\na-link\nd\nf\n751\n");
    }

    [Fact]
    public void CopyFromArchive_WhenTheContextLacksAFile_Throws()
    {
        Run("mkdir context; echo 1 >context/f");
        var (store, context) = Pack();
        var files = ContextMatcher.Match(Step("."), store.ReadIndex(context), ignore: null);
        Should.Throw<InvalidDataException>(() => new ContextCopier(Image("image"), Step("."), default).CopyFromArchive(files, _ => { })).Message.ShouldContain("no file f");
    }

    [Theory]
    [InlineData("/opt/d")]
    [InlineData("/opt/new")]
    [InlineData("/opt/link")]
    public async Task CopyFromArchive_OfOneFile_GoesWhereCopyPutsIt(string destination)
    {
        Run("mkdir context; echo 1 >context/f");
        var (store, context) = Pack();
        var step = Step("f") with { Destination = destination, DestinationIsDirectory = false };
        var files = ContextMatcher.Match(step, store.ReadIndex(context), ignore: null);
        ContextCopier.ReadsArchive(step, files, store.ReadIndex(context)).ShouldBeTrue();
        foreach (var image in new[] { "archive", "one-by-one" })
            Run($"mkdir -p {image}/opt/d {image}/etc; ln -s /etc/target {image}/opt/link");

        new ContextCopier(Image("archive"), step, default).CopyFromArchive(files, take => store.ReadFiles(context, take, Token));
        new ContextCopier(Image("one-by-one"), step, default).Copy(files, (await store.OpenAsync(context, Token)).Files, Token);

        const string List = "find . -mindepth 1 -printf '%P %y %m %s %l %U:%G\\n' | sort";
        Run("cd archive; " + List).ShouldBe(Run("cd one-by-one; " + List));
        Run("cd archive; find . -type f -exec cat {} +").ShouldBe("1\n");
    }

    [Theory]
    [InlineData(true, ".")]
    [InlineData(true, "d")]
    [InlineData(true, "d/large")]
    [InlineData(false, "f")]
    [InlineData(false, "d", "e")]
    [InlineData(false, "*")]
    public void ReadsArchive_ForOneDirectoryOrFileThatIsMostOfTheContext(bool expected, params string[] sources)
    {
        Run("mkdir -p context/d context/e; echo 1 >context/f; head -c 1000 /dev/zero >context/d/large; echo 1 >context/e/g");
        var (store, context) = Pack();
        var step = Step(sources);
        var index = store.ReadIndex(context);
        ContextCopier.ReadsArchive(step, ContextMatcher.Match(step, index, ignore: null), index).ShouldBe(expected);
    }

    [Fact]
    public void ReadsArchive_ForAddThatUnpacks_IsFalse()
    {
        Run("mkdir -p context/d; echo 1 >context/d/f");
        var (store, context) = Pack();
        var step = Step("d") with { Unpack = true };
        var index = store.ReadIndex(context);
        ContextCopier.ReadsArchive(step, ContextMatcher.Match(step, index, ignore: null), index).ShouldBeFalse();
    }

    private static CopyStep Step(params string[] sources)
    {
        var state = new ImageState([], new ContainerConfig(), "linux", "amd64");
        return new CopyStep
        {
            Position = 0,
            Source = default,
            FileName = "Dockerfile",
            Text = "COPY",
            Before = state,
            Next = state,
            Scope = new StageScope(),
            Sources = sources,
            Destination = "/opt",
            DestinationIsDirectory = true,
        };
    }

    private (ContextStore Store, BuildContext Context) Pack()
    {
        var content = new ContentStore(Path.Combine(_root, "content"));
        var archive = SourceArchive.Pack(content, Path.Combine(_root, "context"), (_, _) => true, Token);
        return (new ContextStore(content, Path.Combine(_root, "contexts")), ContextStore.Index(content, archive, Token));
    }

    private RootedDirectory Image(string name) => new(Directory.CreateDirectory(Path.Combine(_root, name)).FullName);

    private string Run(string script)
    {
        var start = new ProcessStartInfo("/bin/bash", ["-euc", script]) { WorkingDirectory = _root, UseShellExecute = false, RedirectStandardOutput = true, Environment = { ["LC_ALL"] = "C" } };
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        process.ExitCode.ShouldBe(0);
        return output;
    }
}
