using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Grid.Contracts.Secrets;
using Grid.Contracts.Work;
using Grid.Lifecycle.Extend;
using Grid.Lifecycle.Source;
using Grid.Oci.Content;
using Orleans.Runtime;

namespace Grid.Worker;

/// <summary>Registers a node's worker.</summary>
public static class WorkerHosting
{
    /// <summary>Adds the worker agent and what it needs; the content store, image stores, sandbox runtime, event journal and shared content come from elsewhere.</summary>
    public static IServiceCollection AddGridWorker(this IServiceCollection services, WorkerOptions options)
    {
        services.TryAddSingleton<ISharedContent, OneNodeContent>();
        services.TryAddSingleton(SecretKeyRing.None);
        return services
            .AddSingleton(options)
            .AddSingleton(new GridNode(options.Node))
            .AddSingleton<BuildDirectories>()
            .AddSingleton<BuildSecrets>()
            .AddSingleton<NodeResources>()
            .AddSingleton<TenantVault>()
            .AddSingleton<WorkRunner>()
            .AddSingleton<WarmContent>()
            .AddSingleton<SurvivingWorkTable>()
            .AddSingleton<WorkerAgent>()
            .AddSingleton<ILifecycleParticipant<ISiloLifecycle>, NodeHeartbeat>()
            .AddHostedService<CrashRecovery>();
    }
}

/// <summary>Removes what an earlier process left on this node, before any work starts.</summary>
internal sealed class CrashRecovery(SurvivingWorkTable survivors, ContentStore content, WorkerOptions options) : IHostedService
{
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        await survivors.RecoverAsync(cancellationToken);
        PrivatePlatform.DeleteAll(options.BuildsDirectory);
        StepScratch.RemoveDead();
        GitFetcher.RemoveDead();
        content.Recover();
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
