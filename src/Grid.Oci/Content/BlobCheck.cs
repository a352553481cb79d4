namespace Grid.Oci.Content;

/// <summary>Whether a blob of the store can be used.</summary>
public enum BlobCheck
{
    /// <summary>It is there with its size, and its content has been verified since the machine started.</summary>
    Intact = 0,

    /// <summary>It is not there.</summary>
    Missing = 1,

    /// <summary>It was there with another size or other content, and has been removed so that nothing uses it.</summary>
    Damaged = 2,
}
