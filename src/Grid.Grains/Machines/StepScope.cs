using Grid.Contracts.Builds;
using Grid.Contracts.Tenants;
using Grid.Dockerfiles;
using Grid.Dockerfiles.Syntax;
using Grid.Lifecycle;
using Grid.Oci;

namespace Grid.Grains.Machines;

/// <summary>What the platform vouches for, so that its cached steps may be shared by all tenants. Nothing unless configured.</summary>
public sealed record SharedStepPolicy
{
    /// <summary>Manifest digests of the builder and run images the platform made or checked itself.</summary>
    public IReadOnlyList<Digest> TrustedImages { get; init; } = [];

    /// <summary>Extensions of trusted builders that do the same for every tenant.</summary>
    public IReadOnlyList<SharedExtension> Extensions { get; init; } = [];
}

/// <summary>An extension whose steps may be shared.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Version">Its version; null for all.</param>
/// <param name="Network">Whether its RUN instructions may use the network: what they fetch is then part of what the platform vouches for.</param>
public sealed record SharedExtension(string Id, string? Version = null, bool Network = false);

/// <summary>Who may use the cached steps of a Dockerfile.</summary>
/// <param name="Scope">The tenant, or <see cref="StepScope.Shared"/>.</param>
/// <param name="WhyPrivate">The first obligation that could not be proven; null when shared.</param>
public sealed record ScopeDecision(string Scope, string? WhyPrivate);

/// <summary>
/// Decides the scope of each Dockerfile of a chain: the tenant's own, unless every input is provably the platform's (design §6). A digest alone is no right
/// to read: the scope is part of a step's key and of its grain's, and comes from who builds, never from a request.
/// </summary>
public static class StepScope
{
    /// <summary>The scope of all tenants. No tenant can be called so.</summary>
    public const string Shared = "*";

    /// <summary>The scope of each Dockerfile, in order. One that is private makes all behind it private: they stand on what it made.</summary>
    public static IReadOnlyList<ScopeDecision> Of(ExtendRequest request, IReadOnlyList<ExtensionDockerfile> files, SharedStepPolicy policy)
    {
        var decisions = new List<ScopeDecision>();
        var why = WhyChainIsPrivate(request, policy);
        for (var i = 0; i < files.Count; i++)
        {
            why ??= WhyFileIsPrivate(request, request.Dockerfiles[i], files[i], policy);
            decisions.Add(why is null ? new ScopeDecision(Shared, null) : new ScopeDecision(request.Scope, why));
        }
        return decisions;
    }

    private static string? WhyChainIsPrivate(ExtendRequest request, SharedStepPolicy policy)
    {
        if (!policy.TrustedImages.Contains(request.Base.Manifest.Digest))
            return $"the base image {request.Base.Manifest.Digest} is not trusted";
        if (request.Builder.IsEmpty)
            return "no trusted builder brought the extension";
        return policy.TrustedImages.Contains(request.Builder) ? null : $"the builder {request.Builder}, which brings the extensions, is not trusted";
    }

    private static string? WhyFileIsPrivate(ExtendRequest request, ExtensionDockerfileSource source, ExtensionDockerfile file, SharedStepPolicy policy)
    {
        var allowed = policy.Extensions.FirstOrDefault(e => e.Id == source.ExtensionId && (e.Version is null || e.Version == source.ExtensionVersion));
        if (allowed is null)
            return $"extension {source.ExtensionId}@{source.ExtensionVersion} is not on the list of shared ones";
        if (source.Args.Count > 0)
            return $"{source.FileName} gets the argument {source.Args[0].Name}, which may be the tenant's";
        foreach (var instruction in file.Dockerfile.Instructions)
        {
            // What a command makes of having no network, or only what is listed, is nobody else's result.
            if (request.Egress == Egress.None && instruction is RunInstruction run && run.Flag("network") != "none")
                return $"{source.FileName}:{instruction.Source.Line}: RUN wants the network, which this tenant does not have, or not all of it";
            if (WhyPrivate(instruction, allowed) is { } why)
                return $"{source.FileName}:{instruction.Source.Line}: {why}";
        }
        return null;
    }

    private static string? WhyPrivate(Instruction instruction, SharedExtension allowed) => instruction switch
    {
        // Its value is the build's.
        ArgInstruction arg when arg.Declarations.Any(d => d.Name == "build_id") => "build_id is another in each build",
        CopyInstruction copy when copy.Sources.Count > 0 => "COPY reads the build context, which may be the tenant's",
        AddInstruction add when add.Sources.Any(s => !IsUrl(s)) => "ADD reads the build context, which may be the tenant's",
        AddInstruction add when add.Sources.Count > 0 && add.Flag("checksum") is null => "ADD fetches without a checksum",
        RunInstruction run when run.Flag("mount") is not null => "RUN mounts something that is not in the key",
        RunInstruction run when !allowed.Network && run.Flag("network") != "none" => "RUN can use the network, which is not allowed for this extension",
        _ => null,
    };

    private static bool IsUrl(string source) => source.StartsWith("https://", StringComparison.Ordinal) || source.StartsWith("http://", StringComparison.Ordinal);
}
