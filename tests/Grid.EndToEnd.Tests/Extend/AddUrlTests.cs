using System.Formats.Tar;
using System.Security.Cryptography;
using Grid.EndToEnd.Tests.Fixtures;

namespace Grid.EndToEnd.Tests.Extend;

/// <summary>ADD of URLs: keyed by content, so that an unchanged file is a hit and a changed one is not.</summary>
public sealed class AddUrlTests(TestMachine machine)
{
    [Fact]
    public async Task A_url_is_fetched_for_its_key_and_its_content_decides_the_hit()
    {
        using var site = new LoopbackSite();
        site.Files["/file.txt"] = "one"u8.ToArray();
        var bench = await ExtendBench.NewAsync(machine);
        var add = $"ADD {site.Address}/file.txt /d/\nADD --chown=1001:1001 --chmod=u=rw,go=r {site.Address}/moved /named";
        var first = await bench.RunAsync(add);
        first.ShouldSucceed().Steps().ShouldAllBe(step => step.EndsWith("Ran", StringComparison.Ordinal));
        (await bench.LayersAsync()).ShouldBe("d dir 755 0:0 \nd/file.txt file 600 0:0 one\n---\nnamed file 644 1001:1001 one");
        (await bench.RunAsync(add)).ShouldSucceed().Steps().ShouldAllBe(step => step.EndsWith("Cached", StringComparison.Ordinal));
        site.Files["/file.txt"] = "two"u8.ToArray();
        (await bench.RunAsync(add)).ShouldSucceed().Steps().ShouldAllBe(step => step.EndsWith("Ran", StringComparison.Ordinal));
        (await bench.LayersAsync()).ShouldContain("named file 644 1001:1001 two");
    }

    [Fact]
    public async Task A_checksum_is_the_key_and_what_does_not_match_is_refused()
    {
        using var site = new LoopbackSite();
        site.Files["/file.txt"] = "checked"u8.ToArray();
        var digest = Convert.ToHexStringLower(SHA256.HashData("checked"u8));
        var bench = await ExtendBench.NewAsync(machine);
        (await bench.RunAsync($"ADD --checksum=sha256:{digest} {site.Address}/file.txt /f")).ShouldSucceed();
        var asked = site.Asked.Count;
        (await bench.RunAsync($"ADD --checksum=sha256:{digest} {site.Address}/file.txt /f")).ShouldSucceed().Steps().Single().ShouldEndWith("Cached");
        site.Asked.Count.ShouldBe(asked, "a hit fetches nothing");
        site.Files["/other.txt"] = "replaced"u8.ToArray();
        var wrong = Convert.ToHexStringLower(SHA256.HashData("what was promised"u8));
        (await bench.RunAsync($"ADD --checksum=sha256:{wrong} {site.Address}/other.txt /g")).ShouldFail(102, "output, run.Dockerfile:4:1", "digest mismatch");
    }

    [Fact]
    public async Task Archives_are_unpacked_only_when_that_is_asked_for()
    {
        using var site = new LoopbackSite();
        using var tar = new MemoryStream();
        await using (var writer = new TarWriter(tar, leaveOpen: true))
            await writer.WriteEntryAsync(new PaxTarEntry(TarEntryType.RegularFile, "in/f") { DataStream = new MemoryStream("x"u8.ToArray()), Mode = UnixFileMode.UserRead });
        site.Files["/a.tar"] = tar.ToArray();
        var bench = await ExtendBench.NewAsync(machine);
        (await bench.RunAsync($"ADD {site.Address}/a.tar /plain/\nADD --unpack=true {site.Address}/a.tar /unpacked/")).ShouldSucceed();
        var layers = await bench.LayersAsync();
        layers.ShouldContain("plain/a.tar file 600");
        layers.ShouldContain("unpacked/in/f file 400 0:0 x");
    }

    [Fact]
    public async Task What_cannot_be_fetched_fails_the_step_with_its_place()
    {
        using var site = new LoopbackSite();
        var bench = await ExtendBench.NewAsync(machine);
        (await bench.RunAsync($"ADD {site.Address}/none /f")).ShouldFail(102, "output, run.Dockerfile:4:1", "404");
        // What the Dockerfile alone tells is told before anything runs.
        var read = await bench.RunAsync("ADD https://github.com/a/b.git /f");
        read.ExitCode.ShouldBe(92);
        read.Process.Error.ShouldContain("run.Dockerfile:4:1: git repositories are not supported");
    }
}
