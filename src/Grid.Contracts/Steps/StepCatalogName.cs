using Grid.Dockerfiles;

namespace Grid.Contracts.Steps;

/// <summary>Whose steps a catalog lists; written <c>scope/kind/extension</c>, of which only the extension's id may hold a slash.</summary>
public sealed record StepCatalogName(string Scope, ImageKind Kind, string Extension)
{
    /// <summary>The other way round of <see cref="ToString"/>.</summary>
    /// <exception cref="FormatException">It is no catalog's key.</exception>
    public static StepCatalogName Parse(string key) => key.Split('/', 3) switch
    {
        [var scope, "build", var extension] => new(scope, ImageKind.Build, extension),
        [var scope, "run", var extension] => new(scope, ImageKind.Run, extension),
        _ => throw new FormatException($"'{key}' is no catalog of steps: scope/kind/extension"),
    };

    public override string ToString() => $"{Scope}/{(Kind == ImageKind.Build ? "build" : "run")}/{Extension}";
}
