using Grid.Dockerfiles.Expansion;
using Grid.Dockerfiles.Syntax;

namespace Grid.Dockerfiles;

/// <summary>The label by which an extension says that the layers it adds survive a change of the base.</summary>
public static class RebasableLabel
{
    public const string Name = "io.buildpacks.rebasable";

    /// <summary>
    /// Whether the last LABEL of this file that names the label sets it to a true value (<c>1 t T true True TRUE</c>). A value the file
    /// inherits from its base does not count: each Dockerfile has to say it itself. Variables count as false, they say nothing by themselves.
    /// </summary>
    public static bool IsSetBy(Dockerfile dockerfile)
    {
        var expander = new WordExpander(dockerfile.Directives.Escape, _ => null);
        var value = "";
        foreach (var label in dockerfile.Instructions.OfType<LabelInstruction>().SelectMany(instruction => instruction.Labels))
        {
            if (Text(expander, label.Name) == Name)
                value = Text(expander, label.Value);
        }
        return value is "1" or "t" or "T" or "true" or "True" or "TRUE";
    }

    // A word that cannot be expanded fails when the step is planned, with its place; here it only means "not true".
    private static string Text(WordExpander expander, string word)
    {
        try
        {
            return expander.Expand(word);
        }
        catch (FormatException)
        {
            return "";
        }
    }
}
