using System.Globalization;
using Grid.EndToEnd.Tests.Fixtures;

namespace Grid.EndToEnd.Tests.Extend;

/// <summary>COPY and ADD with --link: a layer that is made without the image and put on it, as BuildKit does.</summary>
public sealed class LinkedCopyTests(TestMachine machine, DockerBuilders docker)
{
    [Fact]
    public async Task A_changed_parent_does_not_run_it_again()
    {
        var bench = (await ExtendBench.NewAsync(machine)).With("f", "F").With("d/g", "G");
        var mark = Guid.NewGuid().ToString("N");
        (await bench.RunAsync($"RUN echo {mark} > /one\nCOPY --link f /opt/{mark}/f\nADD --link d /opt/{mark}/d")).Steps().ShouldBe(["ExtendRun 4 Ran", "ExtendRun 5 Ran", "ExtendRun 6 Ran"]);
        var before = (await bench.ImageAsync()).DiffIds;

        var changed = await bench.RunAsync($"RUN echo other-{mark} > /one\nENV A=b\nCOPY --link f /opt/{mark}/f\nADD --link d /opt/{mark}/d\nRUN cat /one /opt/{mark}/f /opt/{mark}/d/g");

        changed.ShouldSucceed().Steps().ShouldBe(["ExtendRun 4 Ran", "ExtendRun 6 Cached", "ExtendRun 7 Cached", "ExtendRun 8 Ran"]);
        changed.Log.ShouldContain($"other-{mark}\nFG");
        (await bench.ImageAsync()).DiffIds.TakeLast(2).ShouldBe(before.TakeLast(2));
        // What it copies counts.
        (await bench.With("f", "other").RunAsync($"RUN echo other-{mark} > /one\nCOPY --link f /opt/{mark}/f\nADD --link d /opt/{mark}/d")).Steps()
            .ShouldBe(["ExtendRun 4 Cached", "ExtendRun 5 Ran", "ExtendRun 6 Cached"]);
    }

    [Fact]
    public async Task Links_and_modes_of_the_image_are_replaced_by_new_directories()
    {
        var bench = (await ExtendBench.NewAsync(machine)).With("f", "F").With("d/g", "G");
        var run = await bench.RunAsync("""
            RUN mkdir /real && ln -s /real /linked && mkdir -m 700 /closed && touch /closed/kept && ln -s /real/target /file
            COPY --link f /linked/
            COPY --link d/ /closed/
            COPY --link f /file
            RUN ls -A /real; stat -c '%F %a' /linked /closed /file; ls /closed
            """);
        run.ShouldSucceed();
        run.Log.ShouldContain("directory 755\ndirectory 755\nregular file 644\ng\nkept\n");
        (await bench.LayersAsync()).Split("\n---\n")[1..].ShouldBe(
            ["linked dir 755 0:0 \nlinked/f file 644 0:0 F", "closed dir 755 0:0 \nclosed/g file 644 0:0 G", "file file 644 0:0 F"]);
    }

    /// <summary>The reference says what it is equal to: the layers of the same instructions in an image FROM scratch.</summary>
    [Fact]
    public async Task Layers_are_those_of_BuildKit_from_scratch()
    {
        await docker.RequireAsync();
        var bench = (await ExtendBench.NewAsync(machine)).With("f", "F").With("d/g", "G").With("d/e/h", "H");
        File.CreateSymbolicLink(Path.Combine(bench.Context, "link"), "f");
        await Tool.RunAsync("chmod", "-R", "u=rwX,go=rX", bench.Context);
        await Tool.RunAsync("chmod", "700", Path.Combine(bench.Context, "d"));
        await Tool.RunAsync("tar", "-C", bench.Context, "--owner=3", "--group=4", "--mtime=@0", "-cf", Path.Combine(bench.Context, "archive.tar"), "d");
        // One place each, so that none finds what another made.
        string[] copies =
        [
            "COPY {0}f /a/b/c/", "COPY {0}f /file", "COPY {0}d/ /contents/", "COPY {0}d /tmp", "COPY {0}--chown=7:8 d f /etc/y/", "COPY {0}* /all/", "COPY {0}link /from/link", "ADD {0}archive.tar /un/packed/",
        ];

        (await bench.RunAsync(string.Join('\n', copies.Select(copy => string.Format(CultureInfo.InvariantCulture, copy, "--link "))), "--refresh-extensions")).ShouldSucceed();

        var ours = FileSystemView.Of((await bench.ImageAsync()).Tars().Skip(1));
        var file = Path.Combine(Path.GetDirectoryName(bench.Context)!, "scratch.Dockerfile");
        await File.WriteAllTextAsync(file, "FROM scratch\n" + string.Join('\n', copies.Select(copy => string.Format(CultureInfo.InvariantCulture, copy, ""))), TestContext.Current.CancellationToken);
        ours.ShouldBe(await docker.BuildAsync(file, bench.Context, "scratch", buildKit: true));
    }
}
