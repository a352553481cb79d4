using System.Diagnostics.CodeAnalysis;
using Orleans;

namespace Grid.Hosting.Tests.Storage;

/// <summary>What the suite stores.</summary>
public sealed class StoredRecord
{
    public string Text { get; set; } = "new";

    public int Number { get; set; }
}

/// <summary>What an activation knows of its record.</summary>
public sealed class StoredState : IGrainState<StoredRecord>
{
    [AllowNull]
    public StoredRecord State { get; set; } = new();

    [AllowNull]
    public string ETag { get; set; } = null!;

    public bool RecordExists { get; set; }
}
