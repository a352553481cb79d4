using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Grid.Buildpacks;
using Grid.Contracts.Apps;
using Grid.Contracts.Builds;
using Grid.Contracts.Steps;
using Grid.Contracts.Work;
using Grid.Dockerfiles;
using Grid.Dockerfiles.Context;
using Grid.Dockerfiles.Keys;
using Grid.Dockerfiles.Planning;
using Grid.Dockerfiles.Syntax;
using Grid.Lifecycle;
using Grid.Lifecycle.Extend;
using Grid.Lifecycle.Packages;
using Grid.Oci;
using Grid.Oci.Images;

namespace Grid.Grains.Machines;

/// <summary>
/// The Dockerfiles of one kind as one chain of steps, walked by pure functions: what comes next from a position, and the position after it.
/// </summary>
public sealed class ExtensionChain
{
    private readonly ExtendRequest _request;
    private readonly Func<Digest, ContextIndex> _contexts;
    private readonly ExtensionDockerfile[] _files;
    private readonly IReadOnlyList<ScopeDecision> _scopes;
    private readonly int _total;

    /// <summary>Reads the request's Dockerfiles.</summary>
    /// <param name="request">What to apply, to what.</param>
    /// <param name="contexts">Gives a context's index by digest.</param>
    /// <param name="shared">What may be shared by all tenants; nothing when null.</param>
    /// <exception cref="DockerfileException">A Dockerfile cannot be applied.</exception>
    public ExtensionChain(ExtendRequest request, Func<Digest, ContextIndex> contexts, SharedStepPolicy? shared = null)
    {
        _request = request;
        _contexts = contexts;
        _files = [.. request.Dockerfiles.Select(d => ExtensionDockerfile.Read(d.Text, NameOf(d), d.Kind))];
        _scopes = StepScope.Of(request, _files, shared ?? new SharedStepPolicy());
        _total = _files.Sum(f => StagePlanner.Start(f, InitialState(), []).Count);
    }

    /// <summary>The position before the first step.</summary>
    public ChainPosition Start() => new() { Image = InitialState() };

    /// <summary>The next step from a position; null when all Dockerfiles have been applied.</summary>
    /// <exception cref="DockerfileException">The instruction cannot be evaluated.</exception>
    public ChainStep? Next(ChainPosition position)
    {
        for (var file = position.File; file < _files.Length; file++)
        {
            var instruction = file == position.File ? position.Instruction : 0;
            var scope = file == position.File ? position.Scope : null;
            var planner = StagePlanner.Start(_files[file], position.Image, scope is null ? Arguments(file, position) : []);
            if (instruction >= planner.Count)
                continue;
            var planned = planner.Plan(instruction, position.Image, scope ?? planner.InitialScope);
            var source = _request.Dockerfiles[file];
            var toFetch = Unfetched(planned, position);
            return new ChainStep
            {
                File = file,
                Planned = planned,
                ToFetch = toFetch,
                Key = planned.NeedsLayer && toFetch.Count == 0 ? KeyOf(planned, source, position, _scopes[file].Scope) : null,
                Scope = _scopes[file],
                Source = source,
                Name = new StepName
                {
                    Kind = _request.Kind, Extension = source.ExtensionId, File = source.FileName, Line = planned.Source.Line,
                    Text = planned.Text, Number = position.Number + 1, Total = _total,
                },
            };
        }
        return UserToLookUp(position);
    }

    /// <summary>The position after a step.</summary>
    /// <param name="position">The position before it.</param>
    /// <param name="step">The step.</param>
    /// <param name="result">What running it gave; null for a step without a key.</param>
    /// <param name="origin">The image that holds the layer, when it is not in the content store.</param>
    public ChainPosition After(ChainPosition position, ChainStep step, CachedStep? result, string? origin = null)
    {
        var layer = result?.Layer;
        return position with
        {
            File = step.File,
            Instruction = step.Planned.Position + 1,
            Number = position.Number + 1,
            Image = step.Planned.After(layer?.DiffId),
            Scope = step.Planned.Scope,
            Fetched = [],
            RootUsers = result?.RootUsers ?? position.RootUsers,
            Added = layer is null ? position.Added : [.. position.Added, new AddedLayer(layer, step.Source.ExtensionId, step.Planned.Text) { Origin = origin }],
            Records = step.Key is null ? position.Records : [.. position.Records, new PositionedRecord(step.File, new StepRecord(step.Planned.Source.Line, step.Key, layer?.DiffId ?? default)
            {
                Blob = layer?.Blob.Digest ?? default, CreatedAt = result?.CreatedAt, Packages = result?.Packages, RootUsers = result?.RootUsers,
            })],
        };
    }

    /// <summary>The position after a step that left a layer (null for none), for whoever keeps no record of when it ran.</summary>
    public ChainPosition AfterLayer(ChainPosition position, ChainStep step, Layer? layer, string[]? rootUsers = null) => After(position, step, step.Key is null ? null : new CachedStep
    {
        Layer = layer, Key = step.Key, BuildKey = _request.BuildKey, CreatedAt = default, RootUsers = rootUsers,
    });

    /// <summary>The image at the end of the chain.</summary>
    /// <exception cref="LifecycleException">A run image that ends as root (image_extension.md §"Run image extension").</exception>
    public ExtendedImage Finish(ChainPosition position)
    {
        if (_request.Kind == ImageKind.Run && LastFile >= 0)
            RefuseRoot(position);
        var config = _request.Base.Config;
        return new ExtendedImage
        {
            Base = _request.Base,
            Added = position.Added,
            Config = config with { Config = position.Image.Config, RootFs = config.RootFs with { DiffIds = position.Image.DiffIds } },
            Rebasable = _files.Length == 0 ? null : _files.All(f => f.SetsRebasable),
        };
    }

    private void RefuseRoot(ChainPosition position)
    {
        var user = UserText.Parse(position.Image.Config.User ?? "");
        var isAlias = position.RootUsers?.Contains(user.User) == true;
        if (!user.IsRoot && !isAlias)
            return;
        var why = $"USER is '{position.Image.Config.User}'{(isAlias ? ", which is user 0 in the image's /etc/passwd" : "")}";
        throw new LifecycleException(ExitCode.ExtendError,
            $"{NameOf(_request.Dockerfiles[LastFile])}: the run image would end with user root ({why}); end the Dockerfile with USER ${{user_id}}, or add another extension that sets a non-root user");
    }

    private int LastFile => Array.FindLastIndex(_files, f => f.Extends);

    /// <summary>
    /// A last step that only looks into the image, for a run image whose USER is not the base's when no step before has seen its passwd: the name may be root's. It stands at
    /// the last instruction, and its result is cached like that of any other.
    /// </summary>
    private ChainStep? UserToLookUp(ChainPosition position)
    {
        if (_request.Kind != ImageKind.Run || LastFile < 0 || position.RootUsers is not null)
            return null;
        var count = StagePlanner.Start(_files[LastFile], position.Image, []).Count;
        var user = UserText.Parse(position.Image.Config.User ?? "");
        if (position.Instruction > count || user.IsRoot || user.User == (_request.Base.Config.Config.User ?? "").Split(':')[0])
            return null;
        var (source, at) = (_request.Dockerfiles[LastFile], _files[LastFile].Dockerfile.Instructions[^1].Source);
        var planned = new WorkdirStep
        {
            Position = count, Source = at, FileName = _files[LastFile].Dockerfile.FileName, Text = $"USER {position.Image.Config.User}",
            Before = position.Image, Next = position.Image, Scope = position.Scope ?? new StageScope(), Path = "/", User = "",
        };
        return new ChainStep
        {
            File = LastFile, Planned = planned, Key = KeyOf(planned, source, position, _scopes[LastFile].Scope), Scope = _scopes[LastFile], Source = source,
            Name = new StepName
            {
                Kind = _request.Kind, Extension = source.ExtensionId, File = source.FileName, Line = at.Line, Text = planned.Text, Number = position.Number + 1, Total = position.Number + 1,
            },
        };
    }

    /// <summary>What to remember of the chain for the app's next build.</summary>
    public ExtensionRecord[] Records(ChainPosition position) => [.. _request.Dockerfiles.Select((source, file) => new ExtensionRecord
    {
        ExtensionId = source.ExtensionId,
        ExtensionVersion = source.ExtensionVersion,
        Kind = source.Kind,
        Dockerfile = Digest.Compute(Encoding.UTF8.GetBytes(source.Text)),
        Args = [.. source.Args],
        BaseImage = _request.Base.Manifest.Digest,
        Steps = [.. position.Records.Where(r => r.File == file).Select(r => r.Step)],
    })];

    /// <summary>Why the cache has nothing for a step, as far as the app's last build can tell.</summary>
    public StepMiss MissReason(ChainPosition position, ChainStep step)
    {
        var previous = _request.Previous.FirstOrDefault(r => r.ExtensionId == step.Source.ExtensionId && r.Kind == _request.Kind);
        var ordinal = position.Records.Count(r => r.File == step.File);
        if (previous is null || ordinal >= previous.Steps.Length)
            return new StepMiss { Reason = "no build has run it before" };
        var key = previous.Steps[ordinal].Key;
        // Fields are not on an image's label.
        return new StepMiss
        {
            Reason = key.Digest == step.Key!.Digest ? "the cache no longer has it" : key.Fields.Count == 0 ? "it differs from the app's last build" : StepKey.Difference(key, step.Key)!,
            Nearest = key.Digest.ToString(),
        };
    }

    /// <summary>Dockerfiles whose steps run in every build because they declare <c>build_id</c>: <c>extension a/b@1, run.Dockerfile:3</c>.</summary>
    public IEnumerable<string> BuildIdDeclarations() => _files.Zip(_request.Dockerfiles).SelectMany(pair => pair.First.Dockerfile.Instructions
        .SkipWhile(i => i is not FromInstruction).OfType<ArgInstruction>().Where(a => a.Declarations.Any(d => d.Name == "build_id")).Take(1)
        .Select(a => $"{NameOf(pair.Second)}:{a.Source.Line}"));

    /// <summary>What extensions did to packages, one entry for each that did anything.</summary>
    public static ExtensionPackages[] PackagesOf(IEnumerable<ExtensionRecord> records) => [.. records
        .Select(r => (Record: r, Changes: ExtensionPackages.Combine(r.Steps.Select(s => s.Packages)))).Where(p => p.Changes is not null)
        .Select(p => new ExtensionPackages(p.Record.ExtensionId, p.Record.ExtensionVersion, p.Changes!))];

    /// <summary>How a step is called in an error: <c>extension a/b@1, run.Dockerfile:4:1: RUN …</c>.</summary>
    public static string Label(ChainStep step) => $"{NameOf(step.Source)}:{step.Planned.Source.Line}:{step.Planned.Source.Column}: {step.Planned.Text}";

    private static string NameOf(ExtensionDockerfileSource source) =>
        $"extension {source.ExtensionId}{(source.ExtensionVersion.Length > 0 ? "@" : "")}{source.ExtensionVersion}, {source.FileName}";

    private StepKey KeyOf(PlannedStep planned, ExtensionDockerfileSource source, ChainPosition position, string scope) => StepKey.Compute(new StepKeyInput(planned, scope)
    {
        Files = planned switch
        {
            CopyStep copy => ContextMatcher.Match(copy, _contexts(source.Context.Index), ignore: null),
            RunStep { Mounts.Count: > 0 } run => ContextMatcher.MatchMounts(run, _contexts(source.Context.Index), ignore: null),
            _ => [],
        },
        Urls = position.Fetched,
    });

    /// <summary>URLs whose content decides the step's key and is not known yet; a checksum says it without fetching.</summary>
    private static List<string> Unfetched(PlannedStep planned, ChainPosition position) => planned is CopyStep { Checksum: null } copy
        ? [.. copy.Urls.Where(url => position.Fetched.All(fetched => fetched.Url != url))] : [];

    private ImageState InitialState() => new(_request.Base.Config.RootFs.DiffIds, _request.Base.Config.Config, _request.Base.Config.Os, _request.Base.Config.Architecture)
    {
        Variant = _request.Base.Config.Variant,
    };

    /// <summary>The arguments of a Dockerfile: ours, then extend-config's, then the base, which nothing may override (spec-facts §3.3).</summary>
    private List<BuildArg> Arguments(int file, ChainPosition position)
    {
        var user = (position.Image.Config.User ?? "").Split(':', 2);
        var digest = file == 0 ? _request.Base.Manifest.Digest
            : Digest.Compute(JsonSerializer.SerializeToUtf8Bytes(position.Image));
        return
        [
            new("build_id", _request.BuildId), new("user_id", user[0]), new("group_id", user.Length > 1 ? user[1] : ""),
            .. _request.Dockerfiles[file].Args,
            new("base_image", $"base@{digest}"),
        ];
    }
}

/// <summary>Where a chain stands: everything before it is done.</summary>
public sealed record ChainPosition
{
    /// <summary>Index of the Dockerfile.</summary>
    public int File { get; init; }

    /// <summary>Index of the instruction behind FROM.</summary>
    public int Instruction { get; init; }

    /// <summary>How many steps of the whole chain are done.</summary>
    public int Number { get; init; }

    public required ImageState Image { get; init; }

    /// <summary>ARGs of the Dockerfile; null before its first instruction.</summary>
    public StageScope? Scope { get; init; }

    /// <summary>What the URLs of the next step gave.</summary>
    public IReadOnlyList<FetchedUrl> Fetched { get; init; } = [];

    /// <summary>Names that are root in the image's passwd, as the last step saw it that looked; null while none has.</summary>
    public IReadOnlyList<string>? RootUsers { get; init; }

    public IReadOnlyList<AddedLayer> Added { get; init; } = [];

    public IReadOnlyList<PositionedRecord> Records { get; init; } = [];

    /// <summary>What a later build has stored here (<see cref="LaterMembers"/>).</summary>
    [JsonExtensionData] public Dictionary<string, JsonElement>? Later { get; init; }
}

/// <summary>A step's record and the Dockerfile it belongs to.</summary>
public sealed record PositionedRecord(int File, StepRecord Step);

/// <summary>A step of the chain, planned.</summary>
public sealed record ChainStep
{
    public required int File { get; init; }

    public required PlannedStep Planned { get; init; }

    /// <summary>URLs that have to be fetched before it has a key.</summary>
    public IReadOnlyList<string> ToFetch { get; init; } = [];

    /// <summary>Its cache key; null when it only changes the configuration, and while there is something <see cref="ToFetch"/>.</summary>
    public StepKey? Key { get; init; }

    /// <summary>Who may use its result.</summary>
    public required ScopeDecision Scope { get; init; }

    public required ExtensionDockerfileSource Source { get; init; }

    public required StepName Name { get; init; }
}
