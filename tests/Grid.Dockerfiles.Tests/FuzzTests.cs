using CsCheck;
using Grid.Dockerfiles.Context;
using Grid.Dockerfiles.Planning;
using Grid.Dockerfiles.Syntax;

namespace Grid.Dockerfiles;

/// <summary>Whatever a tenant writes, only <see cref="DockerfileException"/> comes out.</summary>
public sealed class FuzzTests
{
    private static readonly string[] Pieces =
    [
        "FROM ${base_image}", "ARG base_image", "RUN ", "COPY ", "ADD ", "ENV ", "LABEL ", "ARG ", "USER ", "WORKDIR ", "SHELL ", "CMD ", "EXPOSE ", "VOLUME ", "ONBUILD ", "HEALTHCHECK CMD ",
        "STOPSIGNAL ", "ENTRYPOINT ", "# escape=`", "#", "\n", "\n", "\n", "\r\n", "\\\n", "`\n", " ", " ", "\t", "\\", "'", "\"", "$a", "${a", "${a:-", "}", "${a##*", "${a//x/", "<<E", "<<-'E'", "\nE\n",
        "a=b", "a", "/d/", ".", "..", "*", "?", "[", "]", "[\"a\",", "\"b\"]", "--from=x", "--mount=type=cache,target=/c", "--mount=", "--chown=1:2", "--chmod=7", "--", "=", ":", "!", "\0", "é", "\uD83D", "👽",
    ];

    private static readonly Gen<string> Text = Gen.Int[0, Pieces.Length - 1].Select(i => Pieces[i]).Array[0, 30].Select(parts => string.Concat(parts));

    [Fact]
    public void Parse_AnyText_ThrowsOnlyDockerfileException() => Gen.OneOf(Text, Gen.String[0, 200]).Sample(text =>
    {
        try
        {
            Dockerfile.Parse(text, "f").Instructions.ShouldAllBe(i => i.Source.Line >= 1 && i.Source.EndLine >= i.Source.Line);
        }
        catch (DockerfileException e)
        {
            e.Line.ShouldBeGreaterThan(0);
            e.Column.ShouldBeGreaterThan(0);
        }
    }, iter: 4_000);

    [Fact]
    public void ReadAndPlan_AnyText_ThrowsOnlyDockerfileException() => Text.Sample(text =>
    {
        try
        {
            var file = ExtensionDockerfile.Read("ARG base_image\nFROM ${base_image}\n" + text, "run.Dockerfile", ImageKind.Run);
            file.SetsRebasable.ShouldBeFalse();
            foreach (var step in Samples.Plan(text))
            {
                if (step is CopyStep copy)
                    ContextMatcher.Match(copy, ContextIndex.Create([new ContextEntry("a", ContextEntryType.File, 420)]), null);
            }
        }
        catch (DockerfileException)
        {
            // Refused with a place: that is the contract.
        }
    }, iter: 4_000);

    [Fact]
    public void Parse_CanonicalText_ParsesToTheSame() => Text.Sample(text =>
    {
        Dockerfile file;
        try
        {
            file = Dockerfile.Parse(text, "f");
        }
        catch (DockerfileException)
        {
            return;
        }
        foreach (var instruction in file.Instructions.Where(i => i.Heredocs.Count == 0 && !i.Text.Contains('`')))
        {
            if (instruction.Text.EndsWith('\\') || file.Directives.Escape == '`')
                continue;
            Dockerfile.Parse(instruction.Text, "f").Instructions.ShouldHaveSingleItem().Text.ShouldBe(instruction.Text);
        }
    }, iter: 4_000);

    [Fact]
    public void Ignore_AnyPattern_ThrowsOnlyFormatException() => Gen.Select(Text, Text).Sample((pattern, path) =>
    {
        try
        {
            IgnoreFile.Parse(pattern).Matches(path);
        }
        catch (FormatException)
        {
            // Refused with its line.
        }
    }, iter: 2_000);
}
