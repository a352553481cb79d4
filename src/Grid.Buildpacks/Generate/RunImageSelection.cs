namespace Grid.Buildpacks.Generate;

/// <summary>What an extension's run.Dockerfile asks for.</summary>
/// <param name="SwitchTo">The image it names in FROM; null when it keeps the base.</param>
/// <param name="Extends">Whether it has instructions behind FROM.</param>
public sealed record RunDockerfileEffect(string? SwitchTo, bool Extends);

/// <summary>
/// Which run.Dockerfiles count (image_extension.md §"Phase #2"; spec-facts §2.6): the last one that names another image decides the base, those before it are
/// ignored, and it and those after it are applied.
/// </summary>
/// <param name="SwitchTo">The new run image; null keeps the one analyzed.</param>
/// <param name="Extends">Whether any Dockerfile that counts has instructions.</param>
/// <param name="FirstApplied">Index of the first one that counts; those before it are ignored.</param>
public sealed record RunImageSelection(string? SwitchTo, bool Extends, int FirstApplied)
{
    /// <summary>Selects; null stands for an extension without a run.Dockerfile.</summary>
    public static RunImageSelection Choose(IReadOnlyList<RunDockerfileEffect?> dockerfiles)
    {
        var extends = false;
        for (var i = dockerfiles.Count - 1; i >= 0; i--)
        {
            extends |= dockerfiles[i]?.Extends == true;
            if (dockerfiles[i]?.SwitchTo is { } image)
                return new RunImageSelection(image, extends, i);
        }
        return new RunImageSelection(null, extends, 0);
    }
}
