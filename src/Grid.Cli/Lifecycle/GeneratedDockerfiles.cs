using Grid.Buildpacks;
using Grid.Buildpacks.Descriptors;
using Grid.Buildpacks.Generate;
using Grid.Buildpacks.Toml;
using Grid.Dockerfiles;
using Grid.Dockerfiles.Planning;
using Grid.Dockerfiles.Syntax;
using Grid.Lifecycle;
using Grid.Lifecycle.Extend;
using Grid.Oci.Content;
using Grid.Oci.Images;
using Grid.Oci.Layers;

namespace Grid.Cli.Lifecycle;

/// <summary>What the detector left in the generated directory, in the layout of its Platform API (spec-facts §15).</summary>
internal static class GeneratedDockerfiles
{
    /// <summary>The Dockerfiles of a kind in the order of their extensions; those that change nothing are left out.</summary>
    /// <param name="inputs">Where the directories are.</param>
    /// <param name="extensions">The group's extensions.</param>
    /// <param name="kind">Which image they are for.</param>
    /// <param name="content">Takes the build contexts.</param>
    /// <param name="cancellationToken">Stops packing.</param>
    /// <exception cref="LifecycleException">Exit code 102: a file cannot be used.</exception>
    public static IReadOnlyList<ExtensionDockerfileSource> Read(
        PhaseInputs inputs, IReadOnlyList<GroupElement> extensions, ImageKind kind, ContentStore content, CancellationToken cancellationToken)
    {
        var found = new List<ExtensionDockerfileSource>();
        foreach (var extension in extensions)
        {
            var place = PlaceOf(inputs, extension, kind);
            if (!File.Exists(place.Dockerfile))
                continue;
            try
            {
                var text = File.ReadAllText(place.Dockerfile);
                var dockerfile = ExtensionDockerfile.Read(text, place.Dockerfile, kind);
                if (dockerfile.Extends)
                    found.Add(Source(extension, kind, text, dockerfile, place, content, cancellationToken));
            }
            catch (Exception e) when (e is DockerfileException or TomlFormatException)
            {
                throw new LifecycleException(ExitCode.ExtendError, $"extension {extension}: {e.Message}", e);
            }
        }
        return found;
    }

    /// <summary>Whether an extension has a Dockerfile of a kind.</summary>
    public static bool Has(PhaseInputs inputs, GroupElement extension, ImageKind kind) => File.Exists(PlaceOf(inputs, extension, kind).Dockerfile);

    private static ExtensionDockerfileSource Source(
        GroupElement extension, ImageKind kind, string text, ExtensionDockerfile dockerfile, Place place, ContentStore content, CancellationToken cancellationToken)
    {
        var config = File.Exists(place.Config) ? ExtendConfig.From(TomlFile.Read(InPlace.Files, place.Config), []) : ExtendConfig.Empty;
        return new ExtensionDockerfileSource
        {
            ExtensionId = extension.Id,
            ExtensionVersion = extension.Version,
            Kind = kind,
            Text = text,
            Args = [.. (kind == ImageKind.Build ? config.BuildArgs : config.RunArgs).Select(a => new BuildArg(a.Name, a.Value))],
            Context = Context(dockerfile, place.Context, content, cancellationToken),
        };
    }

    // Packing and indexing a context costs: only for a file that reads it.
    private static BuildContext Context(ExtensionDockerfile dockerfile, string directory, ContentStore content, CancellationToken cancellationToken)
    {
        if (!dockerfile.Dockerfile.Instructions.Any(i => i is CopyInstruction or AddInstruction or RunInstruction { Flags.Count: > 0 }))
            return BuildContext.Empty;
        return ContextStore.Index(content, SourceArchive.Pack(content, directory, (_, _) => true, cancellationToken), cancellationToken);
    }

    private static Place PlaceOf(PhaseInputs inputs, GroupElement extension, ImageKind kind)
    {
        var generated = inputs.Get(PhaseFlags.Generated);
        var name = kind == ImageKind.Build ? "build" : "run";
        var app = inputs.Get(PhaseFlags.App);
        if (inputs.Api < new ApiVersion(0, 13))
        {
            var old = $"{generated}/{name}/{extension.EscapedId}";
            return new Place(old + "/Dockerfile", old + "/extend-config.toml", app);
        }
        var own = $"{generated}/{extension.EscapedId}";
        string[] contexts = [$"{own}/context.{name}", $"{own}/context"];
        return new Place($"{own}/{name}.Dockerfile", own + "/extend-config.toml", contexts.FirstOrDefault(Directory.Exists) ?? app);
    }

    private sealed record Place(string Dockerfile, string Config, string Context);
}
