using Grid.Sandbox;

namespace Grid.Docker.Sandboxes;

/// <summary>What an engine fixes for all processes of a container when it makes it: they run together only when they agree on this.</summary>
internal sealed record ContainerMode(Privileges Privileges, bool Network)
{
    /// <summary>What RUN steps have, the most frequent one.</summary>
    public static readonly ContainerMode Default = new(Privileges.PackageManager, Network: true);

    public IReadOnlyList<int> Groups { get; init; } = [];

    public IReadOnlyList<Volume> ExtraVolumes { get; init; } = [];

    public IReadOnlyList<TemporaryFileSystem> TemporaryFileSystems { get; init; } = [];

    public static ContainerMode Of(ProcessSpec process) => new(process.Privileges, process.Network)
    {
        Groups = [.. process.User.SupplementaryGroups.Where(group => group != process.User.GroupId).Order()],
        ExtraVolumes = process.ExtraVolumes,
        TemporaryFileSystems = process.TemporaryFileSystems,
    };

    public bool Equals(ContainerMode? other) =>
        other is not null && Privileges == other.Privileges && Network == other.Network && Groups.SequenceEqual(other.Groups)
            && ExtraVolumes.SequenceEqual(other.ExtraVolumes) && TemporaryFileSystems.SequenceEqual(other.TemporaryFileSystems);

    public override int GetHashCode() => HashCode.Combine(Privileges, Network, Groups.Count, ExtraVolumes.Count, TemporaryFileSystems.Count);
}
