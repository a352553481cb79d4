using System.Text;
using Grid.Contracts.Builds;
using Grid.Contracts.Work;
using Grid.Dockerfiles;
using Grid.Dockerfiles.Planning;
using Grid.Oci;
using Grid.Sandbox;

namespace Grid.Worker;

/// <summary>Names work by what is run, not by its attempt: the next attempt of the same work goes on with a sandbox that outlived its silo.</summary>
internal static class WorkIdentity
{
    /// <summary>Null for work that cannot be gone on with.</summary>
    public static SandboxIdentity? Of(WorkItem item) => item switch
    {
        BuildWork work => Of(work),
        StepWork work => Of(work),
        _ => null,
    };

    /// <summary>The buildpacks of a build.</summary>
    public static SandboxIdentity Of(BuildWork work) => Identity(work, Phase.Build,
    [
        work.Source.Blob.Digest.ToString(),
        .. work.BuildImage.AllLayers().Select(layer => layer.DiffId.ToString()),
        .. work.Detection.Group.Buildpacks.Select(buildpack => buildpack.ToString()),
        .. work.Environment.OrderBy(variable => variable.Key, StringComparer.Ordinal).Select(variable => $"{variable.Key}={variable.Value}"),
    ]);

    /// <summary>
    /// A step of a build; null for one that cannot be gone on with: what has no process, and what has something that ends with this silo. That are secrets, which
    /// the next one may not have, volumes to itself, which the next one would give to somebody else, and copies of the context that it may write to.
    /// </summary>
    public static SandboxIdentity? Of(StepWork work) =>
        work.Input.Step is not RunStep run || run.Mounts.Any(EndsWithItsSilo) ? null
        : Identity(work, work.Name.Kind == ImageKind.Build ? Phase.ExtendBuild : Phase.ExtendRun,
        [
            work.Name.Extension, work.Name.File, $"{work.Name.Line}", $"{work.Name.Number}", work.Name.Text, work.Input.Context.Archive.Blob.Digest.ToString(),
            .. work.Input.Parent.Select(layer => layer.DiffId.ToString()),
            run.User, run.WorkingDirectory, $"{run.Network}", run.Script?.Content ?? "", .. run.Argv, "", .. run.Environment, "", .. run.ProxyEnvironment,
        ]);

    /// <summary>The phase whose work it is.</summary>
    public static Phase PhaseOf(SandboxIdentity identity) => Enum.Parse<Phase>(identity.Work.Split(':', 2)[0]);

    private static bool EndsWithItsSilo(RunMount mount) =>
        mount.Kind == RunMountKind.Secret || mount.Sharing != CacheSharing.Shared || mount is { Kind: RunMountKind.Bind, ReadOnly: false };

    private static SandboxIdentity Identity(WorkItem item, Phase phase, IEnumerable<string> parts)
    {
        // Each part with its length, so that no two lists of parts look alike.
        var text = new StringBuilder();
        foreach (var part in parts)
            text.Append(part.Length).Append(':').Append(part);
        return new SandboxIdentity(item.BuildKey, $"{phase}:{Digest.Compute(Encoding.UTF8.GetBytes(text.ToString())).Hex}");
    }
}
