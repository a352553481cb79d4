namespace Grid.Dockerfiles.Syntax;

public sealed class DockerfileTests
{
    private static IReadOnlyList<Instruction> Parse(string text) => Dockerfile.Parse(text, "Dockerfile").Instructions;

    private static T Only<T>(string text) where T : Instruction => Parse(text).ShouldHaveSingleItem().ShouldBeOfType<T>();

    [Fact]
    public void Parse_Continuations_AreJoinedAndCommentsInsideDropped()
    {
        var instructions = Parse("FROM a\nRUN echo a \\\n # comment\n\n  && echo b \\  \n  && echo c\nUSER x\n");
        instructions[1].Text.ShouldBe("RUN echo a   && echo b   && echo c");
        instructions[1].Source.ShouldBe(new SourceSpan(2, 1, 6));
        instructions[2].Source.ShouldBe(new SourceSpan(7, 1, 7));
    }

    [Fact]
    public void Parse_EscapedEscapeAtTheEnd_DoesNotContinue() =>
        Parse("RUN a \\\\\nUSER b").Select(i => i.Text).ShouldBe(["RUN a \\\\", "USER b"]);

    [Fact]
    public void Parse_EscapeDirective_ChangesTheContinuation()
    {
        var file = Dockerfile.Parse("# escape=`\nFROM a\nRUN echo a `\n # comment in between\n && echo b > /b\nRUN x \\\nUSER u", "Dockerfile");
        file.Directives.Escape.ShouldBe('`');
        file.Instructions.Select(i => i.Text).ShouldBe(["FROM a", "RUN echo a  && echo b > /b", "RUN x \\", "USER u"]);
    }

    [Fact]
    public void Parse_Directives_AreKeptAsDataOnly()
    {
        var directives = Dockerfile.Parse("#syntax = evil/frontend:1\n# Check=skip=all\n# escape=\\\nFROM a", "f").Directives;
        (directives.Syntax, directives.Check, directives.Escape).ShouldBe(("evil/frontend:1", "skip=all", '\\'));
    }

    [Theory]
    [InlineData("\n# escape=`\nRUN a `\n")]
    [InlineData("# a comment\n# escape=`\nRUN a `\n")]
    [InlineData("RUN x\n# escape=`\nRUN a `\n")]
    public void Parse_DirectiveNotAtTheTop_IsAComment(string text) => Dockerfile.Parse(text, "f").Directives.Escape.ShouldBe('\\');

    [Theory]
    [InlineData("# escape=x\nFROM a", "invalid ESCAPE 'x'")]
    [InlineData("# escape=`\n# escape=`\nFROM a", "only one escape parser directive")]
    [InlineData("", "file with no instructions")]
    [InlineData("# only\n\n  # comments\n", "file with no instructions")]
    [InlineData("FROM a\nFROBNICATE x", "dockerfile parse error on line 2: unknown instruction: FROBNICATE")]
    [InlineData("FROM", "FROM requires either one or three arguments")]
    [InlineData("FROM a b c", "FROM requires either one or three arguments")]
    [InlineData("FROM a AS 1", "invalid name for build stage")]
    [InlineData("RUN", "RUN requires at least one argument")]
    [InlineData("RUN [1]", "arrays must be comprised of strings only")]
    [InlineData("ENV", "ENV requires at least one argument")]
    [InlineData("ENV a", "ENV must have two arguments")]
    [InlineData("ENV a=b c", "can't find = in \"c\"")]
    [InlineData("ENV =b", "names can not be blank")]
    [InlineData("ARG =b", "ARG names can not be blank")]
    [InlineData("COPY a", "requires at least two arguments")]
    [InlineData("COPY --chown a b", "missing a value on flag: --chown")]
    [InlineData("COPY --chown=a --chown=b a b", "duplicate flag specified: --chown")]
    [InlineData("COPY --link=maybe a b", "expecting boolean value for flag link")]
    [InlineData("USER --x=1 u", "unknown flag: --x")]
    [InlineData("SHELL /bin/sh", "SHELL requires the arguments to be in JSON form")]
    [InlineData("SHELL []", "SHELL requires at least one argument")]
    [InlineData("ONBUILD ONBUILD RUN a", "Chaining ONBUILD")]
    [InlineData("ONBUILD FROM a", "FROM isn't allowed as an ONBUILD trigger")]
    [InlineData("HEALTHCHECK", "HEALTHCHECK requires|unknown type")]
    [InlineData("HEALTHCHECK NONE x", "HEALTHCHECK NONE takes no arguments")]
    [InlineData("HEALTHCHECK CMD", "Missing command after HEALTHCHECK CMD")]
    [InlineData("RUN <<E\necho\n", "unterminated heredoc")]
    [InlineData("RUN cat <<E it's\nE\n", "matching single-quote")]
    [InlineData("COPY a <<E\nE\n", "cannot accept a heredoc as a destination")]
    public void Parse_BadText_SaysWhat(string text, string what)
    {
        var error = Should.Throw<DockerfileException>(() => Parse(text));
        what.Split('|').Any(part => error.Message.Contains(part, StringComparison.Ordinal)).ShouldBeTrue(error.Message);
        error.Message.ShouldStartWith("Dockerfile:");
    }

    [Fact]
    public void Parse_Error_NamesThePlaceOfAContinuedFlag()
    {
        var error = Should.Throw<DockerfileException>(() => Parse("FROM a\n\nCOPY \\\n  --link \\\n  --bad=1 a b"));
        error.Message.ShouldBe("Dockerfile:5:3: dockerfile parse error on line 5: unknown flag: --bad; COPY takes --from, --chown, --chmod, --link, --exclude, --parents");
    }

    [Fact]
    public void Parse_UnknownInstruction_PrintsNoControlCharacters() =>
        Should.Throw<DockerfileException>(() => Parse("\u001b]52;c;aGk=\u0007 x")).Message.Any(char.IsControl).ShouldBeFalse();

    [Fact]
    public void Parse_LowerCaseTabsBomAndCrLf_AreRead()
    {
        var instructions = Parse("\uFEFFfrom\ta\r\n\trun  echo hi \r\nuser u\r\n");
        instructions.Select(i => i.Text).ShouldBe(["FROM a", "RUN echo hi", "USER u"]);
        instructions[1].Source.Column.ShouldBe(2);
    }

    [Theory]
    [InlineData("RUN [\"a\", \"b c\"]", false, "a|b c")]
    [InlineData("RUN [ \"a\" ] && b", true, "[ \"a\" ] && b")]
    [InlineData("RUN ['a']", true, "['a']")]
    [InlineData("RUN echo \"a b\"", true, "echo \"a b\"")]
    [InlineData("RUN [\"a\\tb\"]", false, "a\tb")]
    [InlineData("RUN [-f x]", true, "[-f x]")]
    public void Parse_Run_TellsShellFromExecForm(string text, bool isShell, string arguments)
    {
        var command = Only<RunInstruction>(text).Command;
        command.IsShell.ShouldBe(isShell);
        command.Arguments.ShouldBe(arguments.Split('|'));
    }

    [Fact]
    public void Parse_Flags_KeepValueAndPosition()
    {
        var run = Only<RunInstruction>("RUN --mount=type=cache,target=/c \\\n --network=none --mount=\"type=tmpfs,target=/a b\" -- --x");
        run.Flags.ShouldBe([
            new InstructionFlag("mount", "type=cache,target=/c", 1, 5),
            new InstructionFlag("network", "none", 2, 2),
            new InstructionFlag("mount", "type=tmpfs,target=/a b", 2, 17)]);
        run.Command.Arguments.ShouldBe(["--x"]);
    }

    [Fact]
    public void Parse_EnvForms()
    {
        Only<EnvInstruction>("ENV a=1 b=\"x y\" c=d\\ e 'f'=g").Variables.ShouldBe(
            [new("a", "1"), new("b", "\"x y\""), new("c", "d\\ e"), new("'f'", "g")]);
        Only<EnvInstruction>("ENV a  b  c=d ").Variables.ShouldBe([new("a", "b  c=d")]);
        Only<LabelInstruction>("LABEL a=1 \"b c\"=\"d e\" f=\"line1\\\nline2\"").Labels.ShouldBe([new("a", "1"), new("\"b c\"", "\"d e\""), new("f", "\"line1line2\"")]);
    }

    [Fact]
    public void Parse_Arg_DeclaresSeveral() =>
        Only<ArgInstruction>("ARG a b=1 c=").Declarations.ShouldBe([new("a", null), new("b", "1"), new("c", "")]);

    [Fact]
    public void Parse_Heredocs_SeveralChompedAndQuoted()
    {
        var copy = Parse("COPY <<-A <<'B' x /d/\n\tone\n\t\ttwo $v\n\tA\nthree $v\nB\nUSER u\n");
        copy[0].Heredocs.ShouldBe([new Heredoc("A", "\tone\n\t\ttwo $v\n", true, true), new Heredoc("B", "three $v\n", false, false)]);
        copy[0].Heredocs[0].Body.ShouldBe("one\ntwo $v\n");
        ((CopyInstruction)copy[0]).Sources.ShouldBe(["x"]);
        copy[0].Source.ShouldBe(new SourceSpan(1, 1, 6));
        copy[1].Text.ShouldBe("USER u");
    }

    [Theory]
    [InlineData("RUN echo $((1<<2))")]
    [InlineData("RUN cat <<< word")]
    [InlineData("RUN [\"cat\", \"<<E\"]")]
    [InlineData("ENV a=<<E")]
    public void Parse_NoHeredoc_ReadsNoBody(string text) => Parse(text + "\nUSER u").Count.ShouldBe(2);

    [Theory]
    [InlineData("RUN <<E cat >a\nx\nE", "E")]
    [InlineData("RUN 3<<E cat >a\nx\nE", "E")]
    [InlineData("RUN cat << E >a\nx\nE", "E")]
    [InlineData("RUN cat <<\"E F\" >a\nx\nE F", "E F")]
    [InlineData("ONBUILD RUN <<E\nx\nE", "E")]
    public void Parse_Heredoc_IsFound(string text, string name) => Parse(text)[0].Heredocs.ShouldHaveSingleItem().Name.ShouldBe(name);

    [Fact]
    public void Parse_Heredoc_KeepsCommentsAndContinuationsOfItsBody() =>
        Parse("RUN <<E\n# not a comment \\\n\nE\n")[0].Heredocs[0].Content.ShouldBe("# not a comment \\\n\n");

    [Fact]
    public void Parse_From_ReadsNameAndPlatform()
    {
        var from = Only<FromInstruction>("FROM --platform=linux/arm64 img:1 as Final");
        (from.Image, from.StageName, from.Flag("platform")).ShouldBe(("img:1", "final", "linux/arm64"));
    }

    [Fact]
    public void Parse_TooManyInstructions_IsRefused() =>
        Should.Throw<DockerfileException>(() => Parse(string.Concat(Enumerable.Repeat("USER a\n", Dockerfile.MaxInstructions + 1)))).Message.ShouldContain("more than");

    [Fact]
    public void Parse_TenThousandLines_IsRead() => Parse(string.Concat(Enumerable.Repeat("RUN a\n", Dockerfile.MaxInstructions))).Count.ShouldBe(Dockerfile.MaxInstructions);
}
