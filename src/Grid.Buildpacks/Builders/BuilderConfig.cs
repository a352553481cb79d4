using Grid.Buildpacks.Toml;

namespace Grid.Buildpacks.Builders;

/// <summary>
/// A builder.toml: what a builder image is made of. The format is pack's, and unknown keys are errors as there: a mistyped key must not be
/// a silently missing buildpack.
/// </summary>
public sealed record BuilderConfig
{
    public string Description { get; init; } = "";

    public IReadOnlyList<BuilderModule> Buildpacks { get; init; } = [];

    public IReadOnlyList<BuilderModule> Extensions { get; init; } = [];

    /// <summary>Groups that detection tries in this order.</summary>
    public required IReadOnlyList<BuilderGroup> Order { get; init; }

    public IReadOnlyList<BuilderGroup> OrderExtensions { get; init; } = [];

    /// <summary>The image the builder starts from.</summary>
    public required string BuildImage { get; init; }

    /// <summary>Files for <c>/cnb/build-config/env</c>.</summary>
    public IReadOnlyList<BuilderVariable> BuildEnv { get; init; } = [];

    /// <summary>Run images of apps; the first is the default.</summary>
    public required IReadOnlyList<BuilderRunImage> RunImages { get; init; }

    /// <summary>Id of the stack, when the file is in the old form.</summary>
    public string? StackId { get; init; }

    /// <summary>A lifecycle to put into the image: a directory or an archive. Grid's own runs the phases, so there usually is none.</summary>
    public BuilderLifecycle? Lifecycle { get; init; }

    /// <summary>Platforms the builder is for; empty: any.</summary>
    public IReadOnlyList<BuilderTarget> Targets { get; init; } = [];

    /// <summary>Buildpacks put before each group of the order.</summary>
    public IReadOnlyList<BuilderGroupElement> SystemPre { get; init; } = [];

    /// <summary>Buildpacks put behind each group of the order.</summary>
    public IReadOnlyList<BuilderGroupElement> SystemPost { get; init; } = [];

    /// <summary>Reads the text of a builder.toml.</summary>
    /// <param name="text">The document.</param>
    /// <param name="fileName">How messages name it.</param>
    /// <exception cref="TomlFormatException">It is not TOML, or something is missing, unknown or of the wrong type.</exception>
    public static BuilderConfig Parse(string text, string fileName) => new BuilderConfigReader(TomlFile.Parse(text, fileName)).Read();

    /// <summary>Reads a file of this machine.</summary>
    /// <exception cref="TomlFormatException">As <see cref="Parse"/>.</exception>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    public static BuilderConfig ReadFile(string path) => Parse(File.ReadAllText(path), path);
}

/// <summary>A buildpack, an extension, or an image that holds some.</summary>
/// <param name="Uri">A directory, a .tgz or .tar archive, relative to the file's directory, or an image: <c>docker://NAME</c>, <c>oci:DIR[:TAG]</c>.</param>
/// <param name="Position">Where it stands, for messages.</param>
public sealed record BuilderModule(string Uri, TomlPosition Position)
{
    /// <summary>When given, what is at the URI must have this id.</summary>
    public string? Id { get; init; }

    /// <summary>When given, what is at the URI must have this version.</summary>
    public string? Version { get; init; }

    /// <summary>The URI came from the key <c>image</c>: it is an image even when it looks like a path.</summary>
    public bool IsImage { get; init; }
}

/// <summary>One group of an order.</summary>
public sealed record BuilderGroup(IReadOnlyList<BuilderGroupElement> Elements);

/// <summary>A buildpack or extension of a group. Without a version the builder must hold exactly one of this id.</summary>
public sealed record BuilderGroupElement(string Id, string? Version, bool Optional, TomlPosition Position);

/// <summary>A variable for all builds; <c>Suffix</c> is empty or <c>default</c>, <c>override</c>, <c>append</c>, <c>prepend</c>.</summary>
public sealed record BuilderVariable(string Name, string Value, string Suffix, string? Delimiter);

/// <summary>A run image and other names it can be had under.</summary>
public sealed record BuilderRunImage(string Image, IReadOnlyList<string> Mirrors);

/// <summary>Where a lifecycle comes from. A version without a URI has no effect: Grid is the lifecycle.</summary>
public sealed record BuilderLifecycle(string? Uri, string? Version, TomlPosition Position);

/// <summary>A platform of the builder.</summary>
public sealed record BuilderTarget(string Os, string Architecture, string? Variant, TomlPosition Position);
