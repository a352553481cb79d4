namespace Grid.Dockerfiles.Syntax;

/// <summary>A here-document of RUN, COPY or ADD.</summary>
/// <param name="Name">The word that ends it, without quotes; the file name for COPY.</param>
/// <param name="Content">The lines between, each with its line feed, as written.</param>
/// <param name="Expand">Whether variables in it are expanded (the word was not quoted).</param>
/// <param name="Chomp">Written <c>&lt;&lt;-</c>: leading tabs of each line are dropped.</param>
public sealed record Heredoc(string Name, string Content, bool Expand, bool Chomp)
{
    /// <summary>The content with leading tabs dropped when <see cref="Chomp"/>.</summary>
    public string Body => Chomp ? string.Join('\n', Content.Split('\n').Select(line => line.TrimStart('\t'))) : Content;
}
