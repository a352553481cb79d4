using Grid.Contracts.Tenants;
using Grid.Oci.Network;
using Grid.Sandbox;
using NSubstitute;

namespace Grid.Worker.Tests;

public sealed class TenantBoundsTests
{
    [Theory]
    [InlineData(0, 0, 0)]
    [InlineData(0, 500, 500)]
    [InlineData(500, 0, 500)]
    [InlineData(500, 300, 300)]
    [InlineData(300, 500, 300)]
    public void Within_TheSmallerBoundCounts_AndZeroIsNone(long node, long tenant, long expected)
    {
        var options = new WorkerOptions { SandboxLimits = new SandboxLimits { MemoryBytes = node, CpuMillis = (int)node } };

        var limits = options.Within(new TenantSettings { MaxMemoryBytes = tenant, MaxCpuMillis = (int)tenant }).SandboxLimits;

        limits.MemoryBytes.ShouldBe(expected);
        limits.CpuMillis.ShouldBe((int)expected);
        limits.MaxProcesses.ShouldBe(options.SandboxLimits.MaxProcesses);
    }

    [Fact]
    public void Within_SettingsThatBoundNothing_AreTheNodesOwnOptions()
    {
        var options = new WorkerOptions();
        options.Within(new TenantSettings()).ShouldBeSameAs(options);
        options.Within(new TenantSettings { Egress = Egress.None }).AllowsNetwork.ShouldBeFalse();
    }

    [Fact]
    public void Within_TenantWithAList_HasTheNetworkBoundByItAndByTheNodes()
    {
        var tenant = new TenantSettings { Egress = Egress.None, EgressAllow = ["a.example.com", "b.example.org"] };
        var bounded = new WorkerOptions().Within(tenant);
        (bounded.AllowsNetwork, bounded.Destinations!.ToString()).ShouldBe((true, "a.example.com, b.example.org"));
        new WorkerOptions { Destinations = EgressList.Parse(["*.example.com"]) }.Within(tenant).Destinations!.ToString().ShouldBe("a.example.com");
        new WorkerOptions { Destinations = EgressList.Parse(["c.example.com"]) }.Within(tenant).Destinations!.Entries.ShouldBeEmpty();
        // What is open to a tenant is what the node lets through.
        new WorkerOptions { Destinations = EgressList.Parse(["c.example.com"]) }.Within(new TenantSettings()).Destinations!.ToString().ShouldBe("c.example.com");
        new WorkerOptions { AllowsNetwork = false }.Within(tenant).AllowsNetwork.ShouldBeFalse();
        Should.Throw<SandboxException>(() => new WorkerOptions().Within(tenant with { EgressAllow = ["from-later/x"] })).Message.ShouldContain("'from-later/x'");
    }

    [Fact]
    public async Task Bound_EveryRuntime_GivesSandboxesTheSmallerList()
    {
        var (runtime, specs) = (Substitute.For<ISandboxRuntime>(), new List<SandboxSpec>());
        runtime.CreateAsync(Arg.Do<SandboxSpec>(specs.Add), default).ReturnsForAnyArgs(Substitute.For<ISandbox>());
        var options = new WorkerOptions { Destinations = EgressList.Parse(["a.example.com", "b.example.com"]) };
        await options.Bound(runtime).CreateAsync(new SandboxSpec("x", [], null!), TestContext.Current.CancellationToken);
        await options.Bound(runtime).CreateAsync(new SandboxSpec("x", [], null!) { Egress = EgressList.Parse(["a.example.com", "c.example.com"]) }, TestContext.Current.CancellationToken);

        specs.Select(spec => spec.Egress!.ToString()).ShouldBe(["a.example.com, b.example.com", "a.example.com"]);
        new WorkerOptions().Bound(runtime).ShouldBeSameAs(runtime);
    }

    [Fact]
    public async Task NetworklessRuntime_TakesTheNetworkFromEveryProcess()
    {
        var (runtime, inner) = (Substitute.For<ISandboxRuntime>(), Substitute.For<ISandbox>());
        runtime.CreateAsync(null!, default).ReturnsForAnyArgs(inner);
        await using var sandbox = await new NetworklessRuntime(runtime).CreateAsync(new SandboxSpec("x", [], null!), TestContext.Current.CancellationToken);

        await sandbox.RunAsync(new ProcessSpec(["true"], [], "/", new ProcessUser(0, 0)), TestContext.Current.CancellationToken);

        await inner.Received(1).RunAsync(Arg.Is<ProcessSpec>(p => !p.Network), Arg.Any<CancellationToken>());
    }
}
