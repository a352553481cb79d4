namespace Grid.Dockerfiles.Context;

/// <summary>Something that COPY, ADD or a bind mount takes from the context.</summary>
/// <param name="Source">Its path in the context, links on the way resolved; empty for the root.</param>
/// <param name="Destination">Absolute path in the image.</param>
/// <param name="Entry">What it is.</param>
public sealed record CopiedFile(string Source, string Destination, ContextEntry Entry)
{
    /// <summary>
    /// A file whose destination was not written as a directory: when a directory is at <see cref="Destination"/> in the image, the file goes
    /// into it under <see cref="Name"/>.
    /// </summary>
    public bool MayGoInto { get; init; }

    /// <summary>A directory whose contents are copied: one that exists at the destination keeps its mode and owner. Others below it take the context's mode.</summary>
    public bool IsRoot { get; init; }

    /// <summary>The name the file has as the instruction sees it (a link's own name).</summary>
    public string Name { get; init; } = "";
}
