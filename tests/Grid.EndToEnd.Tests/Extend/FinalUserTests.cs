using Grid.EndToEnd.Tests.Fixtures;

namespace Grid.EndToEnd.Tests.Extend;

/// <summary>A run image must not end as root, by whatever name its passwd knows user 0 (peers.md D2, row 20).</summary>
public sealed class FinalUserTests(TestMachine machine)
{
    [Theory]
    [InlineData("toor", "USER toor")]
    [InlineData("1001", "USER 1001:1001")]
    public async Task A_name_or_number_that_passwd_makes_root_is_refused_also_when_cached(string name, string last)
    {
        var bench = await ExtendBench.NewAsync(machine);
        var text = $"FROM ${{base_image}}\nUSER root\nRUN echo '{name}:x:0:0::/root:/bin/sh' >>/etc/passwd\n{last}\n";
        for (var run = 0; run < 2; run++)
            (await bench.RunFileAsync(text)).ShouldFail(102, "run.Dockerfile: the run image would end with user root", $"USER is '{last[5..]}', which is user 0 in the image's /etc/passwd");
    }

    [Fact]
    public async Task A_user_of_the_base_is_looked_up_when_no_step_has_seen_it()
    {
        var bench = await ExtendBench.NewAsync(machine);
        (await bench.RunFileAsync("FROM ${base_image}\nENV A=b\nUSER cnb\n", "--refresh-extensions")).ShouldSucceed().Steps().ShouldBe(["ExtendRun 3 Ran"]);
        (await bench.ImageAsync()).User.ShouldBe("cnb");
        (await bench.RunFileAsync("FROM ${base_image}\nENV A=b\nUSER cnb\n")).ShouldSucceed().Steps().ShouldBe(["ExtendRun 3 Cached"]);
        (await bench.RunFileAsync("FROM ${base_image}\nENV A=b\nARG user_id\nUSER ${user_id}\n")).ShouldSucceed().Steps().ShouldBeEmpty();
    }
}
