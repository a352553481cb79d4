using Grid.Buildpacks;
using Grid.Contracts.Builds;
using Grid.Contracts.Work;
using Grid.Lifecycle;
using Grid.Lifecycle.Source;
using Grid.Oci;
using Grid.Oci.Content;
using Grid.Oci.Images;

namespace Grid.Worker;

/// <summary>Fetches source that was not uploaded, with the tenant's own credentials and to the hosts that this node lets builds reach.</summary>
internal sealed class SourceRunner(ContentStore content, ImageStores images, WorkerOptions options, NodeResources node, TenantVault vault)
{
    /// <summary>Fetches, and says what it was.</summary>
    /// <exception cref="LifecycleException">It cannot be had.</exception>
    public async Task<FetchedSource> FetchAsync(AnalyzeWork work, SourceOrigin origin, IPhaseLog log, CancellationToken cancellationToken)
    {
        var packed = origin switch
        {
            { Git: { } git } => await FetchAsync(work, git, origin.Path, log, cancellationToken),
            { Image: { } image } => await new ImageSource(content, images).FetchAsync(ImageLocation.Parse(image), origin.Path, log, cancellationToken),
            _ => throw new LifecycleException(ExitCode.InvalidArgs, "the build names no source that this node knows to fetch"),
        };
        return new FetchedSource(packed.Archive, packed.ProjectMetadata);
    }

    private async Task<PackedSource> FetchAsync(AnalyzeWork work, GitOrigin git, string path, IPhaseLog log, CancellationToken cancellationToken) =>
        await new GitFetcher(content, options.Hosts, new GitLimits()).FetchAsync(new GitRequest(GitUrl.Parse(git.Url))
        {
            Revision = git.Revision, Path = path, KnownHosts = git.KnownHosts, Credentials = git.Secret is { } id ? await SecretAsync(work, id, cancellationToken) : null,
        }, log, cancellationToken);

    private async Task<byte[]> SecretAsync(AnalyzeWork work, string id, CancellationToken cancellationToken) =>
        node.SecretOf(work.BuildKey, id) ?? (await vault.ForStepAsync(work.BuildKey, work.Tenant, [id], cancellationToken)).GetValueOrDefault(id)
            ?? throw new LifecycleException(ExitCode.InvalidArgs, $"there is no secret '{id}' to fetch the source with; set it with 'grid secret set {id}', or give it to the build with --secret");
}
