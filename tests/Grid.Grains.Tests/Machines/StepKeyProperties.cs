using System.Text;
using System.Text.Json;
using CsCheck;
using Grid.Buildpacks;
using Grid.Contracts.Builds;
using Grid.Dockerfiles;
using Grid.Dockerfiles.Context;
using Grid.Dockerfiles.Planning;
using Grid.Dockerfiles.Syntax;
using Grid.Grains.Machines;
using Grid.Lifecycle;
using Grid.Lifecycle.Extend;
using Grid.Oci;
using Grid.Oci.Images;
using Orleans.Runtime;

namespace Grid.Grains.Tests.Machines;

/// <summary>
/// Random Dockerfiles with random edits over random contexts, walked with a cache and without one. The executor here makes a layer of everything a
/// step could see when it runs; a key that leaves out one of these things makes the two walks differ.
/// </summary>
public sealed class StepKeyProperties
{
    private static readonly Gen<string> Word = OneOf("a", "b", "a b", "x-y", "x", "$A", "${B:-d}", "\"q r\"", "z=1");

    private static readonly Gen<string> Instruction = Gen.OneOf(
        Word.Select(word => $"RUN echo {word}"),
        Word.Select(word => $"RUN [\"echo\", {JsonSerializer.Serialize(word)}]"),
        Word.Select(word => $"RUN <<E\necho {word}\nE"),
        Word.Select(word => $"RUN <<E\n#!/bin/sh\necho {word}\nE"),
        OneOf("RUN --network=none true", "RUN true", "RUN --mount=type=cache,target=/c true", "RUN --mount=type=cache,target=/c,id=d true", "RUN --mount=type=bind,source=d,target=/m true",
            "RUN --mount=type=bind,source=f,target=/m true", "RUN --mount=type=tmpfs,target=/t true", "RUN --mount=type=secret,id=s true"),
        Word.Select(word => $"ENV A={word}"),
        Word.Select(word => $"ENV B={word}"),
        OneOf("ARG A", "ARG A=1", "ARG B=2", "ARG build_id", "ARG A=x B=y"),
        OneOf("USER 1001", "USER 1001:5", "USER cnb", "USER root"),
        OneOf("WORKDIR /w", "WORKDIR w", "WORKDIR /w/x", "SHELL [\"/bin/bash\", \"-c\"]", "LABEL l=1"),
        OneOf("COPY f /x", "COPY f g /x/", "COPY d /x", "COPY d/ /x/", "COPY * /all/", "COPY --chown=5 f /x", "COPY --chown=cnb f /x", "COPY --chmod=600 f /x", "COPY --chmod=u+x f /x",
            "COPY --link f /x", "COPY --link d x/", "ADD --link --chown=5:6 f g /x/", "COPY --exclude=*.txt d /x", "COPY --parents d/e /x/", "ADD f /x", "ADD --unpack=false f /x"),
        Word.Select(word => $"COPY <<E /h\n{word}\nE"),
        Word.Select(word => $"COPY <<\"E\" /h\n{word}\nE"));

    private static readonly Gen<ContextIndex> Context =
        Gen.Select(Gen.Int[0, 2], Gen.Int[0, 2], Gen.Int[0, 2], OneOf(0x1A4, 0x1ED), Gen.Bool).Select((f, g, e, mode, link) => ContextIndex.Create(
        [
            new ContextEntry("d", ContextEntryType.Directory, 0x1ED),
            new ContextEntry("d/e", ContextEntryType.File, mode, e, Digest.Compute(Encoding.UTF8.GetBytes($"e{e}"))),
            new ContextEntry("d/t.txt", ContextEntryType.File, 0x1A4, f, Digest.Compute(Encoding.UTF8.GetBytes($"t{f}"))),
            new ContextEntry("f", ContextEntryType.File, 0x1A4, f, Digest.Compute(Encoding.UTF8.GetBytes($"f{f}"))),
            link ? new ContextEntry("g", ContextEntryType.SymbolicLink, 0x1FF, LinkTarget: "f") : new ContextEntry("g", ContextEntryType.File, 0x1A4, g, Digest.Compute(Encoding.UTF8.GetBytes($"g{g}"))),
        ]));

    private static readonly Gen<Variant> AnyVariant = Gen.Select(
        Instruction.List[1, 6], Context, OneOf("1", "2").List[0, 1], OneOf("base", "other base"), OneOf("tenant", "tenant/x"),
        (body, context, arg, image, scope) => new Variant(body, context, arg.Count == 0 ? [] : [new BuildArg("A", arg[0])], image, scope));

    [Fact]
    public void A_walk_with_a_cache_ends_where_one_without_does() => AnyVariant.Array[2, 8].Sample(
        variants =>
        {
            var cache = new Dictionary<string, Layer>(StringComparer.Ordinal);
            foreach (var variant in variants.SelectMany(variant => variants.Select(other => variant.EditedLike(other)).Prepend(variant)))
            {
                var (cached, plain) = (Walk(variant, cache), Walk(variant, null));
                if (cached is null != plain is null || (cached is not null && JsonSerializer.Serialize(cached) != JsonSerializer.Serialize(plain)))
                    return false;
            }
            return true;
        },
        iter: 150);

    [Fact]
    public void Two_different_inputs_never_share_a_key() => AnyVariant.Array[2, 10].Sample(
        variants =>
        {
            var seen = new Dictionary<Digest, string>();
            foreach (var step in variants.SelectMany(variant => variants.Select(variant.EditedLike).Prepend(variant)).SelectMany(Steps))
            {
                if (!seen.TryAdd(step.Key, step.Input) && seen[step.Key] != step.Input)
                    return false;
            }
            return true;
        },
        iter: 150);

    private static Gen<T> OneOf<T>(params T[] values) => Gen.Int[0, values.Length - 1].Select(index => values[index]);

    /// <summary>The image at the end; null when an instruction cannot be evaluated.</summary>
    private static ExtendedImage? Walk(Variant variant, Dictionary<string, Layer>? cache)
    {
        try
        {
            var chain = variant.Chain();
            var position = chain.Start();
            while (chain.Next(position) is { } step)
            {
                Layer? layer = null;
                if (step.Key is { } key && (cache is null || !cache.TryGetValue($"{variant.Scope}/{key.Digest}", out layer)))
                {
                    layer = Samples.LayerOf(InputOf(step.Planned, variant, ofLayer: true));
                    cache?.Add($"{variant.Scope}/{key.Digest}", layer);
                }
                position = chain.AfterLayer(position, step, layer);
            }
            return chain.Finish(position);
        }
        catch (Exception e) when (e is DockerfileException or LifecycleException)
        {
            return null;
        }
    }

    private static List<(Digest Key, string Input)> Steps(Variant variant)
    {
        var steps = new List<(Digest, string)>();
        try
        {
            var chain = variant.Chain();
            var position = chain.Start();
            while (chain.Next(position) is { } step)
            {
                Layer? layer = null;
                if (step.Key is { } key)
                {
                    layer = Samples.LayerOf(InputOf(step.Planned, variant, ofLayer: true));
                    steps.Add((key.Digest, InputOf(step.Planned, variant, ofLayer: false)));
                }
                position = chain.AfterLayer(position, step, layer);
            }
        }
        catch (DockerfileException)
        {
            // What was planned before the broken instruction counts.
        }
        return steps;
    }

    [Fact]
    public void A_linked_copy_is_the_same_on_two_images() => AnyVariant.Sample(
        variant =>
        {
            // Behind another step, and on another base: keys and layers of linked copies stay, so those of the first are enough for the second.
            var (on, off) = (Linked(variant), Linked(variant with { Image = variant.Image + "'", Body = [.. variant.Body.Prepend("RUN something else")] }));
            return on.SequenceEqual(off);
        },
        iter: 150);

    private static List<Digest> Linked(Variant variant)
    {
        var keys = new List<Digest>();
        try
        {
            var chain = (variant with { Body = [.. variant.Body, "COPY --link f g /linked/", "COPY --link <<E /h", "$A", "E"] }).Chain();
            for (var position = chain.Start(); chain.Next(position) is { } step;)
            {
                if (step.Planned is CopyStep { Link: true })
                    keys.Add(step.Key!.Digest);
                position = chain.AfterLayer(position, step, step.Key is null ? null : Samples.LayerOf(InputOf(step.Planned, variant, ofLayer: true)));
            }
        }
        catch (DockerfileException)
        {
            // Nothing behind a broken instruction has a key.
        }
        return keys;
    }

    /// <summary>Everything that a run of the step could see.</summary>
    private static string InputOf(PlannedStep step, Variant variant, bool ofLayer)
    {
        var seen = step is CopyStep { Link: true } ? [] : step.Before.DiffIds;
        var common = JsonSerializer.Serialize(new { seen, step.Before.Os, step.Before.Arch, PlatformVariant = step.Before.Variant, Scope = ofLayer ? "" : variant.Scope });
        return common + step switch
        {
            RunStep run => JsonSerializer.Serialize(new
            {
                run.Argv, run.Environment, run.User, run.WorkingDirectory, run.Mounts, run.Network, run.Script,
                Shown = ContextMatcher.MatchMounts(run, variant.Context, ignore: null),
            }),
            CopyStep copy => JsonSerializer.Serialize(new
            {
                copy.InlineFiles, copy.Destination, copy.DestinationIsDirectory, copy.Chown, copy.Chmod, copy.Link, copy.Parents, copy.IsAdd, copy.Unpack, copy.UnpackUrls,
                Files = ContextMatcher.Match(copy, variant.Context, ignore: null),
            }),
            WorkdirStep workdir => JsonSerializer.Serialize(new { workdir.Path, workdir.User }),
            _ => throw new InvalidOperationException(step.GetType().Name),
        };
    }

    private sealed record Variant(IReadOnlyList<string> Body, ContextIndex Context, BuildArg[] Args, string Image, string Scope)
    {
        /// <summary>The same Dockerfile with one thing of another: its first or last instruction, context, arguments, base or scope.</summary>
        public Variant EditedLike(Variant other) => ((Body.Count + other.Body.Count) % 6) switch
        {
            0 => this with { Body = [.. Body.SkipLast(1), other.Body[^1]] },
            5 => this with { Body = [other.Body[0], .. Body.Skip(1)] },
            1 => this with { Context = other.Context },
            2 => this with { Args = other.Args },
            3 => this with { Image = other.Image },
            _ => this with { Scope = other.Scope },
        };

        public ExtensionChain Chain() => new(
            new ExtendRequest
            {
                BuildKey = "tenant/b", Kind = ImageKind.Build, Base = Samples.Image(Image), Scope = Scope, BuildId = "id", Node = "node-1", Owner = GrainId.Create("test", "owner"),
                Dockerfiles = [Samples.Dockerfile(ImageKind.Build, "ARG base_image\nFROM ${base_image}\n" + string.Join('\n', Body) + "\n", "samples/tools", Args)],
            },
            _ => Context);
    }
}
