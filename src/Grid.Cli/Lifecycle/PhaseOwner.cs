namespace Grid.Cli.Lifecycle;

/// <summary>Volumes of a build belong to the user that buildpacks run as (platform.md: <c>uid</c>, <c>gid</c>).</summary>
internal static class PhaseOwner
{
    /// <summary>Gives directories that exist, with all in them, to the user of the build; does nothing when we are not root.</summary>
    public static void Take(PhaseInputs inputs, params IEnumerable<string> directories)
    {
        if (PhaseReport.Owner(inputs) is not { } owner)
            return;
        foreach (var directory in directories.Where(d => d.Length > 0))
        {
            if (InPlace.Files.Stat(directory) is { IsDirectory: true } entry && entry.Owner != owner)
                InPlace.Files.ChangeOwner(directory, owner, recursive: true);
        }
    }
}
