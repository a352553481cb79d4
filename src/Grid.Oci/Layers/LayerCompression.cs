namespace Grid.Oci.Layers;

/// <summary>How a layer's tar is stored and pushed.</summary>
public enum LayerCompression
{
    /// <summary>As it is.</summary>
    None = 0,

    /// <summary>What every registry and engine understands.</summary>
    Gzip = 1,

    /// <summary>Smaller and faster; needs a registry and engines of 2020 or later.</summary>
    Zstd = 2,
}
