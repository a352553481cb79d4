using Grid.Dockerfiles.Context;
using Grid.Dockerfiles.Planning;
using Grid.Dockerfiles.Syntax;
using Grid.Fuzzing;

namespace Grid.Dockerfiles;

/// <summary>Recorded Dockerfiles and ignore files, damaged: only the documented exceptions come out.</summary>
public sealed class MutationTests
{
    private static readonly string[] Words =
    [
        "FROM ", "ARG base_image\n", "${base_image}", "RUN ", "COPY ", "ADD ", "ENV ", "LABEL ", "USER ", "WORKDIR ", "ONBUILD ", "SHELL ", "HEALTHCHECK --interval=1s ", "--from=", "--mount=type=", "--chmod=", "--chown=", "--link",
        "--exclude=", "<<EOF\n", "EOF\n", "\\\n", "# escape=`\n", "# syntax=x\n", "$", "${", "}", ":-", "##", "//", "[", "]", "\"", "'", ",", "=", "*", "**/", "!", "\0", "\r\n", "\t", "é", "..",
    ];

    [Fact]
    public void Dockerfiles_Damaged_ThrowOnlyDockerfileException() => Fuzz.Text([.. Corpus.Golden("Dockerfile"), "FROM ${base_image}\nRUN <<E\nx\nE\nCOPY --chmod=755 [\"a\", \"/b\"]\n"], Words, text =>
    {
        foreach (var kind in (ImageKind[])[ImageKind.Build, ImageKind.Run])
        {
            try
            {
                Read(text, kind);
            }
            catch (DockerfileException e)
            {
                e.Line.ShouldBeGreaterThan(0);
            }
        }
    });

    [Fact]
    public void IgnoreFiles_Damaged_ThrowOnlyFormatException() => Fuzz.Text(["node_modules\n!node_modules/kept\n**/*.log\n# comment\n/dist\n", "*\n!src\n!src/**\n", "[a-z]*\n\\#x\n a \n"], Words, text =>
    {
        var ignore = IgnoreFile.Parse(text);
        foreach (var path in (string[])["a", "src/x", "node_modules/kept/y.log", new string('a', 200), string.Join('/', Enumerable.Repeat("a", 50))])
            ignore.Matches(path);
    }, typeof(FormatException));

    private static void Read(string text, ImageKind kind)
    {
        var file = ExtensionDockerfile.Read(text, "Dockerfile", kind);
        var planner = StagePlanner.Start(file.Dockerfile, Samples.Base(), []);
        var (state, scope) = (planner.InitialState, planner.InitialScope);
        for (var i = 0; i < planner.Count; i++)
        {
            var step = planner.Plan(i, state, scope);
            if (step is CopyStep copy)
                ContextMatcher.Match(copy, ContextIndex.Create([new ContextEntry("a", ContextEntryType.File, 420), new ContextEntry("d", ContextEntryType.Directory, 493)]), null);
            (state, scope) = (step.After(step.NeedsLayer ? Samples.NewLayer : null), step.Scope);
        }
    }
}
