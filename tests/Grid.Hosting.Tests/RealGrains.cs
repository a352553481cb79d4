using Grid.Grains.Tests.Cluster;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Configuration;
using Orleans.Hosting;

namespace Grid.Hosting.Tests;

/// <summary>A silo takes every grain it finds, and these tests' own assembly has a scripted worker for those that want one.</summary>
internal static class RealGrains
{
    /// <summary>Leaves the scripted worker out: the real one has its name.</summary>
    public static ISiloBuilder WithRealGrains(this ISiloBuilder silo) => silo.Configure<GrainTypeOptions>(types => types.Classes.Remove(typeof(ScriptedWorkerGrain)));
}
