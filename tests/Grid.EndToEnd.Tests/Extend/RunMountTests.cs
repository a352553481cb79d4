using System.Text;
using Grid.EndToEnd.Tests.Fixtures;

namespace Grid.EndToEnd.Tests.Extend;

/// <summary>RUN --mount in the real engine: what it shows, what it leaves, and that nobody gets out by it (peers.md D2, rows 1 to 5).</summary>
public sealed class RunMountTests(TestMachine machine)
{
    [Fact]
    public async Task Bind_mounts_show_the_context_and_leave_nothing()
    {
        var bench = (await ExtendBench.NewAsync(machine)).With("d/a", "A").With("d/secret.txt", "ignored").With("f", "F").With(".dockerignore", "d/secret.txt\n");
        var run = await bench.RunAsync("""
            RUN --mount=type=bind,source=d,target=/mnt/d --mount=source=f,target=/f,ro cat /mnt/d/a /f > /out; ls /mnt/d >> /out; ! echo x > /mnt/d/x 2> /dev/null
            RUN --mount=type=bind,target=/ctx,rw echo changed > /ctx/d/a && cat /ctx/d/a > /out2
            RUN --mount=target=/ctx cat /ctx/d/a > /out3
            """);
        run.ShouldSucceed();
        (await bench.LayersAsync()).ShouldBe("out file 644 0:0 AFa\n\n---\nout2 file 644 0:0 changed\n\n---\nout3 file 644 0:0 A");
        // The key covers what the mount shows, and nothing else.
        (await bench.RunAsync("RUN --mount=type=bind,source=d,target=/mnt/d cat /mnt/d/a")).Steps().Single().ShouldEndWith("Ran");
        bench.With("d/secret.txt", "ignored, and other").With("f", "other");
        (await bench.RunAsync("RUN --mount=type=bind,source=d,target=/mnt/d cat /mnt/d/a")).Steps().Single().ShouldEndWith("Cached");
        bench.With("d/a", "B");
        var changed = await bench.RunAsync("RUN --mount=type=bind,source=d,target=/mnt/d cat /mnt/d/a");
        changed.Steps().Single().ShouldEndWith("Ran");
        changed.Log.ShouldContain("B");
    }

    [Fact]
    public async Task Cache_mounts_outlive_the_build_and_are_no_part_of_the_layer()
    {
        var bench = await ExtendBench.NewAsync(machine);
        var id = Guid.NewGuid().ToString("N");
        var first = await bench.RunAsync($"RUN --mount=type=cache,id={id},target=/var/cache/x,mode=0700,uid=1001,gid=1001 stat -c '%a %u:%g' /var/cache/x > /out; echo kept > /var/cache/x/f");
        first.ShouldSucceed();
        (await bench.LayersAsync()).ShouldBe("out file 644 0:0 700 1001:1001\n");
        var second = await bench.RunAsync($"RUN --mount=type=cache,id={id},target=/other,readonly cat /other/f > /again; ! touch /other/g");
        second.ShouldSucceed();
        (await bench.LayersAsync()).ShouldBe("again file 644 0:0 kept\n");
        // Without an id the target names it: another target is another cache.
        var third = await bench.RunAsync("RUN --mount=type=cache,target=/var/cache/other-target ls -A /var/cache/other-target > /empty");
        third.ShouldSucceed();
        (await bench.LayersAsync()).ShouldBe("empty file 644 0:0 ");
    }

    [Fact]
    public async Task Tmpfs_mounts_are_empty_bounded_and_gone_after_the_command()
    {
        var bench = await ExtendBench.NewAsync(machine);
        var run = await bench.RunAsync("""
            RUN --mount=type=tmpfs,target=/tmp,size=1m --mount=type=tmpfs,target=/made/here echo x > /tmp/x && echo y > /made/here/y && ! dd if=/dev/zero of=/tmp/big bs=1024 count=2048 2> /dev/null
            RUN ls /made > /out 2>&1; ls -A /tmp >> /out
            """);
        run.ShouldSucceed();
        (await bench.LayersAsync()).ShouldContain("cannot access '/made'");
    }

    [Fact]
    public async Task Secrets_reach_the_command_and_nothing_else()
    {
        var bench = await ExtendBench.NewAsync(machine);
        var canary = "canary-" + Guid.NewGuid().ToString("N");
        var file = Path.Combine(machine.Scratch, canary[..14]);
        File.WriteAllText(file, canary);
        var data = Path.Combine(machine.Scratch, "secret-data-" + canary[7..15]);
        bench = await ExtendBench.NewAsync(machine, data);
        const string Text = """
            RUN --mount=type=secret,id=token,required sha256sum < /run/secrets/token > /hash; stat -c '%a %u' /run/secrets/token >> /hash
            RUN --mount=type=secret,id=token,env=TOKEN --mount=type=secret,id=token,target=/t,mode=0440,uid=1001 test -n "$TOKEN" && stat -c '%a %u' /t > /env && test ! -e /run/secrets/token
            RUN --mount=type=secret,id=absent test ! -e /run/secrets/absent
            """;
        var run = await bench.RunAsync(Text, "--secret", $"id=token,src={file}");
        run.ShouldSucceed();
        var hash = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(Encoding.UTF8.GetBytes(canary)));
        (await bench.LayersAsync()).ShouldBe($"hash file 644 0:0 {hash}  -\n400 0\n\n---\nenv file 644 0:0 440 1001\n");
        run.Process.Output.ShouldNotContain(canary);
        (await bench.ImageAsync()).Contains(canary).ShouldBeFalse();
        // Neither in state, journal, content nor unpacked layers. (grep finds nothing: exit code 1.)
        (await Tool.TryAsync("grep", "-rlF", canary, data, bench.Layout)).ExitCode.ShouldBe(1);
        // Its value is no part of a key, so that keys say nothing about it.
        (await bench.RunAsync(Text, "--secret", "id=token,env=PATH")).Steps().ShouldAllBe(step => step.EndsWith("Cached", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_required_secret_that_was_not_given_fails_the_step_with_its_place()
    {
        var bench = await ExtendBench.NewAsync(machine);
        (await bench.RunAsync("RUN --mount=type=secret,id=token,required cat /run/secrets/token")).ShouldFail(102, "output, run.Dockerfile:4:1", "'token' was not given", "--secret id=token");
    }

    [Fact]
    public async Task Sources_that_are_links_stay_in_the_context()
    {
        var bench = (await ExtendBench.NewAsync(machine)).With("etc/passwd", "of the context");
        File.CreateSymbolicLink(Path.Combine(bench.Context, "out"), "/etc");
        File.CreateSymbolicLink(Path.Combine(bench.Context, "up"), "../../../../../../../../root");
        var run = await bench.RunAsync("RUN --mount=type=bind,source=out,target=/m cat /m/passwd > /seen");
        run.ShouldSucceed();
        (await bench.LayersAsync()).ShouldBe("seen file 644 0:0 of the context");
        (await bench.RunAsync("RUN --mount=type=bind,source=up,target=/m ls /m")).ShouldFail(102, "run.Dockerfile:4:1", "not in the build context");
        (await bench.RunAsync("RUN --mount=type=bind,source=../../../../etc,target=/m cat /m/passwd > /seen")).ShouldSucceed();
        (await bench.LayersAsync()).ShouldBe("seen file 644 0:0 of the context");
    }

    [Fact]
    public async Task Cache_ids_lead_nowhere()
    {
        var bench = await ExtendBench.NewAsync(machine);
        var marker = Path.Combine(machine.Scratch, "marker-" + Guid.NewGuid().ToString("N"));
        Directory.CreateDirectory(marker);
        File.WriteAllText(Path.Combine(marker, "m"), "host");
        foreach (var id in new[] { "../../../../../../../.." + marker, marker, "..", ".", "a/../../b" })
        {
            var run = await bench.RunAsync($"RUN --mount=type=cache,id={id},target=/c ls -A /c > /seen; echo in > /c/made-by-{Math.Abs(id.GetHashCode(StringComparison.Ordinal))}");
            run.ShouldSucceed();
            (await bench.LayersAsync()).ShouldBe("seen file 644 0:0 ", id);
        }
        Directory.GetFileSystemEntries(marker).ShouldBe([Path.Combine(marker, "m")]);
    }

    [Theory]
    [InlineData("type=bind,target=/m,bind-propagation=shared", "bind-propagation")]
    [InlineData("type=cache,target=/m,suid", "suid")]
    [InlineData("type=tmpfs,target=/m,size=1m\\,suid", "suid")]
    [InlineData("type=bind,from=other,target=/m", "from")]
    [InlineData("type=bind,target=/", "invalid mount target")]
    [InlineData("type=ssh", "ssh")]
    public async Task Options_that_are_none_of_the_documentation_are_refused(string mount, string text)
    {
        var bench = await ExtendBench.NewAsync(machine);
        var run = await bench.RunAsync($"RUN true\nRUN --mount={mount} echo $HOME");
        run.ExitCode.ShouldBe(92);
        (run.Process.Error + run.Process.Output).ShouldContain(text);
        run.Process.Error.ShouldContain("run.Dockerfile:5:5: ");
    }

    [Fact]
    public async Task Targets_behind_links_of_the_image_stay_inside_it()
    {
        var bench = (await ExtendBench.NewAsync(machine)).With("f", "F");
        var run = await bench.RunAsync("""
            RUN ln -s / /out && ln -s ../../../../../../../.. /up && ln -s /nowhere/deep /dangling
            RUN --mount=type=cache,id=links,target=/out/etc/hosted touch /out/etc/hosted/x
            RUN --mount=type=tmpfs,target=/up/etc/tm --mount=source=f,target=/up/etc/file cat /etc/file
            """);
        run.ShouldSucceed();
        run.Log.ShouldContain("F");
        foreach (var name in new[] { "hosted", "tm", "file" })
            Path.Exists("/etc/" + name).ShouldBeFalse();
        (await bench.LayersAsync()).Split('\n').ShouldAllBe(line => line.Contains("symlink", StringComparison.Ordinal));
        (await bench.RunAsync("RUN ln -s /nowhere/deep /dangling\nRUN --mount=type=tmpfs,target=/dangling true")).ShouldFail(102, "run.Dockerfile:5:1", "/dangling");
    }

    [Fact]
    public async Task What_is_made_in_proc_and_dev_is_refused()
    {
        var bench = await ExtendBench.NewAsync(machine);
        (await bench.RunAsync("RUN --mount=type=cache,target=/proc/self true")).ShouldFail(102, "run.Dockerfile:4:1", "/proc");
        (await bench.RunAsync("RUN --mount=type=tmpfs,target=/dev/shm true")).ShouldFail(102, "run.Dockerfile:4:1", "/dev");
    }
}
