using Grid.Contracts.Tenants;
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
    public async Task NetworklessRuntime_TakesTheNetworkFromEveryProcess()
    {
        var (runtime, inner) = (Substitute.For<ISandboxRuntime>(), Substitute.For<ISandbox>());
        runtime.CreateAsync(null!, default).ReturnsForAnyArgs(inner);
        await using var sandbox = await new NetworklessRuntime(runtime).CreateAsync(new SandboxSpec("x", [], null!), TestContext.Current.CancellationToken);

        await sandbox.RunAsync(new ProcessSpec(["true"], [], "/", new ProcessUser(0, 0)), TestContext.Current.CancellationToken);

        await inner.Received(1).RunAsync(Arg.Is<ProcessSpec>(p => !p.Network), Arg.Any<CancellationToken>());
    }
}
