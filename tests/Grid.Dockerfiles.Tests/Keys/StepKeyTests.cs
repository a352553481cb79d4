using System.Text.Json;
using CsCheck;
using Grid.Dockerfiles.Context;
using Grid.Dockerfiles.Planning;
using Grid.Oci;

namespace Grid.Dockerfiles.Keys;

public sealed class StepKeyTests
{
    private static StepKey Key(string body, BuildArg[]? args = null, ImageState? image = null, string scope = "tenant-a", params CopiedFile[] files) =>
        StepKey.Compute(new StepKeyInput(Samples.Plan(body, args, image)[^1], scope) { Files = files });

    private static CopiedFile File(string name, string content) =>
        new(name, "/d/" + name, new ContextEntry(name, ContextEntryType.File, 420, content.Length, Digest.Compute(System.Text.Encoding.UTF8.GetBytes(content)))) { Name = name };

    private static string? Why(StepKey a, StepKey b) => StepKey.Difference(a, b);

    [Fact]
    public void Compute_EqualInputs_EqualKeys() => Key("ARG a=1\nRUN x").Digest.ShouldBe(Key("ARG a=1\nRUN x").Digest);

    [Fact]
    public void Compute_BuildId_CountsOnlyWhenDeclared()
    {
        BuildArg[] first = [new("build_id", "1")], second = [new("build_id", "2")];
        Key("RUN x", first).Digest.ShouldBe(Key("RUN x", second).Digest);
        Why(Key("ARG build_id\nRUN x", first), Key("ARG build_id\nRUN x", second)).ShouldBe("ARG build_id changed");
        // Only RUN sees ARGs; for the others their effect is in what they expand to.
        Key("ARG build_id\nCOPY a /d/", first).Digest.ShouldBe(Key("ARG build_id\nCOPY a /d/", second).Digest);
        Key("ARG build_id\nWORKDIR /x", first).Digest.ShouldBe(Key("ARG build_id\nWORKDIR /x", second).Digest);
        Why(Key("ARG build_id\nCOPY a /$build_id/", first), Key("ARG build_id\nCOPY a /$build_id/", second)).ShouldBe("destination changed");
    }

    [Fact]
    public void Compute_LinkedCopy_IsTheSameOnAnyImage()
    {
        Key("COPY --link a /d/").Digest.ShouldBe(Key("RUN x\nCOPY --link a /d/").Digest);
        Key("ADD --link a /d/").Digest.ShouldBe(Key("ENV e=1\nRUN x\nUSER u\nADD --link a /d/").Digest);
        Why(Key("COPY --link=false a /d/"), Key("RUN x\nCOPY --link=false a /d/")).ShouldBe("parent layers changed");
        // What the image says about where it goes counts, for it is what the layer shows.
        Why(Key("COPY --link a d/"), Key("WORKDIR /w\nCOPY --link a d/")).ShouldBe("destination changed");
        Why(Key("COPY a /d/"), Key("COPY --link a /d/")).ShouldBe("parent layers removed");
        Why(Key("COPY --link a /d/"), Key("COPY --link a /d/", image: Samples.Base() with { Arch = "arm64" })).ShouldBe("platform changed");
    }

    [Fact]
    public void Compute_Proxies_DoNotCount() =>
        Key("RUN x", [new("HTTP_PROXY", "http://a")]).Digest.ShouldBe(Key("RUN x", [new("HTTP_PROXY", "http://b")]).Digest);

    [Fact]
    public void Compute_Labels_DoNotCount() => Key("LABEL a=1\nRUN x").Digest.ShouldBe(Key("LABEL a=2\nRUN x").Digest);

    [Theory]
    [InlineData("RUN x", "RUN y", "instruction changed")]
    [InlineData("ENV a=1\nRUN x", "ENV a=2\nRUN x", "ENV a changed")]
    [InlineData("RUN x", "ENV a=2\nRUN x", "ENV a added")]
    [InlineData("ARG a=1\nRUN x", "RUN x", "ARG a removed")]
    [InlineData("USER u\nRUN x", "USER v\nRUN x", "user changed")]
    [InlineData("SHELL [\"/bin/sh\",\"-e\"]\nRUN x", "SHELL [\"/bin/sh\",\"-ec\"]\nRUN x", "command changed")]
    [InlineData("RUN <<E\na\nE", "RUN <<E\nb\nE", "command changed")]
    [InlineData("RUN <<E\n#!a\nE", "RUN <<E\n#!b\nE", "script /run/heredocs/E changed")]
    [InlineData("COPY <<E /x\na\nE", "COPY <<E /x\nb\nE", "here-document E changed")]
    [InlineData("RUN x", "RUN a\nRUN x", "parent layers changed")]
    [InlineData("ARG m=/a\nRUN --mount=type=cache,target=$m x", "ARG m=/b\nRUN --mount=type=cache,target=$m x", "ARG m changed")]
    public void Difference_NamesTheFirstFieldThatChanged(string older, string newer, string why) => Why(Key(older), Key(newer)).ShouldBe(why);

    [Fact]
    public void Difference_OfFilesAndScopeAndPlatform()
    {
        StepKey Copy(params CopiedFile[] files) => Key("COPY . /d/", files: files);
        Why(Copy(File("package.json", "1"), File("a", "1")), Copy(File("package.json", "2"), File("a", "1"))).ShouldBe("file package.json changed");
        Why(Copy(File("a", "1")), Copy(File("a", "1"), File("b", "1"))).ShouldBe("file b added");
        Why(Copy(File("a", "1")), Copy(File("b", "1"))).ShouldBe("file a removed");
        Why(Copy(), Copy()).ShouldBeNull();
        Why(Copy([.. Enumerable.Range(0, 500).Select(i => File("f" + i, "1"))]), Copy([.. Enumerable.Range(0, 500).Select(i => File("f" + i, i == 400 ? "2" : "1"))])).ShouldBe("files changed");
        Why(Key("RUN x"), Key("RUN x", scope: "tenant-b")).ShouldBe("cache scope changed");
        Why(Key("RUN x"), Key("RUN x", image: Samples.Base() with { Arch = "arm64" })).ShouldBe("platform changed");
    }

    [Fact]
    public void Compute_Url_NeedsItsContent()
    {
        var step = Samples.Last<CopyStep>("ADD https://h/x /d/");
        Should.Throw<ArgumentException>(() => StepKey.Compute(new StepKeyInput(step, "s"))).Message.ShouldContain("https://h/x");
        StepKey Of(string content) => StepKey.Compute(new StepKeyInput(step, "s") { Urls = [new("https://h/x", Digest.Compute(System.Text.Encoding.UTF8.GetBytes(content)))] });
        Why(Of("a"), Of("b")).ShouldBe("URL https://h/x changed");
    }

    [Fact]
    public void Compute_ConfigStep_HasNoKey() => Should.Throw<ArgumentException>(() => Key("ENV a=1"));

    [Fact]
    public void Fields_HoldNoValuesOfVariables() =>
        JsonSerializer.Serialize(Key("ARG token\nENV pw=hunter2-env\nRUN x", [new("token", "hunter2-arg")]).Fields).ShouldNotContain("hunter2");

    [Fact]
    public void Compute_SeparatorsInValues_DoNotCollide()
    {
        // osscontainertools/kaniko#873: joining with '-' made these two equal.
        Key("ENV A=\"x-B=z\" B=y\nRUN x").Digest.ShouldNotBe(Key("ENV A=x B=\"z-B=y\"\nRUN x").Digest);
        Key("RUN [\"a\", \"b c\"]").Digest.ShouldNotBe(Key("RUN [\"a b\", \"c\"]").Digest);
    }

    [Fact]
    public void Of_DifferentSplitsOfTheSameText_NeverCollide()
    {
        var pieces = Gen.String[Gen.Char["ab:=\0-"], 0, 3].Array[1, 5].Select(parts => parts.Where((_, i) => i < parts.Length / 2 * 2).ToArray());
        Gen.Select(pieces, pieces).Sample((a, b) =>
        {
            var (x, y) = (Fields(a), Fields(b));
            return StepKey.Of(x).Digest == StepKey.Of(y).Digest == x.SequenceEqual(y);
        }, iter: 5_000);
    }

    [Fact]
    public void Of_MovingACharacterAcrossABoundary_ChangesTheKey() =>
        Gen.Select(Gen.String[1, 8], Gen.String[0, 8]).Sample((a, b) =>
            StepKey.Of([new KeyField(a, b)]).Digest != StepKey.Of([new KeyField(a[..^1], a[^1] + b)]).Digest && StepKey.HashOf([a, b]) != StepKey.HashOf([a + b]));

    [Fact]
    public void Of_NamesThatAreNotUtf8_StayDifferent() =>
        StepKey.HashOf(["\uDC80"]).ShouldNotBe(StepKey.HashOf(["\uDC81"]));

    [Fact]
    public void Json_RoundTrips()
    {
        var key = Key("ARG a=1\nRUN x");
        var back = JsonSerializer.Deserialize<StepKey>(JsonSerializer.Serialize(key))!;
        back.Digest.ShouldBe(key.Digest);
        StepKey.Of(back.Fields).Digest.ShouldBe(key.Digest);
    }

    private static KeyField[] Fields(string[] parts) => [.. parts.Chunk(2).Where(pair => pair.Length == 2).Select(pair => new KeyField(pair[0], pair[1]))];
}
