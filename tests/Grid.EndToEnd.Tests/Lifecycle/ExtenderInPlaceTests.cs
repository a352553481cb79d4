using Grid.EndToEnd.Tests.Fixtures;

namespace Grid.EndToEnd.Tests.Lifecycle;

/// <summary>What <c>grid lifecycle extender</c> does in the container it changes, where sandboxes of their own do otherwise.</summary>
public sealed class ExtenderInPlaceTests(TestMachine machine)
{
    [Fact]
    public async Task A_linked_copy_is_made_beside_the_container_and_put_on_it()
    {
        var extension = (await InPlaceExtension.NewAsync(machine)).With("f", "F");
        const string Copies = "COPY --link f /linked/\nCOPY --link --chown=5:6 f /etc/owned/\nRUN cat /linked/f /etc/owned/f >/seen; ls -A /real >>/seen";
        var first = await extension.RunAsync("RUN mkdir /real && ln -s /real /linked\n" + Copies);
        first.ExitCode.ShouldBe(0, first.ToString());
        string[] layers = ["linked dir 755 0:0 \nlinked/f file 644 0:0 F", "etc dir 755 5:6 \netc/owned dir 755 5:6 \netc/owned/f file 644 5:6 F", "seen file 644 0:0 FF"];
        extension.Layers().Skip(1).ShouldBe(layers);

        var second = await extension.RunAsync("RUN mkdir -m 700 /real && ln -s /real /linked\n" + Copies);

        second.ExitCode.ShouldBe(0, second.ToString());
        second.Output.ShouldContain("COPY --link f /linked/ (cached)");
        second.Output.ShouldNotContain("seen (cached)");
        extension.Layers().Skip(1).ShouldBe(layers);
    }

    [Fact]
    public async Task A_name_for_root_at_the_end_is_refused()
    {
        var extension = await InPlaceExtension.NewAsync(machine);
        var result = await extension.RunAsync("RUN echo '1001:x:0:0::/root:/bin/sh' >>/etc/passwd");
        result.ExitCode.ShouldBe(102, result.ToString());
        result.Output.ShouldContain("USER is '1001:1001', which is user 0 in the image's /etc/passwd");
    }

    [Fact]
    public async Task File_systems_in_memory_are_there_for_the_command_alone()
    {
        var extension = (await InPlaceExtension.NewAsync(machine)).With("f", "F");
        var result = await extension.RunAsync("""
            RUN echo kept >/tmp/before; mkdir /have
            RUN --mount=type=tmpfs,target=/tmp,size=1m --mount=type=tmpfs,target=/made/here --mount=type=bind,source=f,target=/tmp/f ls /tmp /made/here >/seen; echo x >/made/here/x; cat /tmp/f >>/seen; ! dd if=/dev/zero of=/tmp/big bs=1024 count=2048 2>/dev/null
            RUN ls -d /made >/after 2>&1; cat /tmp/before >>/after
            """);
        result.ExitCode.ShouldBe(0, result.ToString());
        extension.Layers().Skip(1).ShouldBe(["seen file 644 0:0 /made/here:\n\n/tmp:\nf\nF", "after file 644 0:0 ls: cannot access '/made': No such file or directory\nkept\n"]);
    }

    [Fact]
    public async Task What_is_not_listed_in_place_is_said()
    {
        var extension = await InPlaceExtension.NewAsync(machine);
        var result = await extension.RunAsync("RUN mkdir -p /lib/apk/db && echo P:curl >/lib/apk/db/installed");
        result.ExitCode.ShouldBe(0, result.ToString());
        result.Output.ShouldContain("Warning: the step changed /lib/apk/db/installed");
    }
}
