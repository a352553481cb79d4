using System.Text.Json.Serialization;

namespace Grid.Dockerfiles;

/// <summary>Which image an extension's Dockerfile extends.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<ImageKind>))]
public enum ImageKind
{
    /// <summary><c>build.Dockerfile</c>: the image buildpacks run in.</summary>
    Build = 0,

    /// <summary><c>run.Dockerfile</c>: the image the app runs in.</summary>
    Run = 1,
}
