using System.Buffers;

namespace Grid.Buildpacks.Export;

/// <summary>The links in <c>/cnb/process</c> through which a container starts one of the app's processes.</summary>
public static class ProcessTypes
{
    private static readonly SearchValues<char> Forbidden = SearchValues.Create("/><:|&\\");

    /// <summary>The link of a process type.</summary>
    public static string LinkOf(string type) => "/cnb/process/" + type;

    /// <summary>Refuses a type that cannot be the name of a link.</summary>
    /// <exception cref="FormatException">Names the character.</exception>
    public static void Check(string type)
    {
        if (type.Length == 0 || type is "." or "..")
            throw new FormatException($"'{type}' cannot be a process type: it must be a name");
        if (type.AsSpan().IndexOfAny(Forbidden) is var at and >= 0)
            throw new FormatException($"'{type}' cannot be a process type: it has a '{type[at]}'");
    }
}
