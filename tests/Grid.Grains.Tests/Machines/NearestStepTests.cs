using Grid.Contracts.Steps;
using Grid.Contracts.Work;
using Grid.Dockerfiles;
using Grid.Dockerfiles.Keys;
using Grid.Grains.Machines;
using Grid.Oci;

namespace Grid.Grains.Tests.Machines;

public sealed class NearestStepTests
{
    private static StepKey Key(params (string Name, string Value)[] fields) =>
        new(Samples.DigestOf(string.Join('|', fields)), [.. fields.Select(f => new KeyField(f.Name, f.Value))]);

    private static StepName Name(string text, int line = 4, string file = "run.Dockerfile") =>
        new() { Kind = ImageKind.Run, Extension = "samples/tools", File = file, Line = line, Text = text, Number = 1, Total = 1 };

    private static StepCatalogEntry Entry(StepKey key, string text, int line = 4, string build = "tenant/b1", string file = "run.Dockerfile") => new()
    {
        Key = key.Digest, File = file, Line = line, Text = text, BuildKey = build, CreatedAt = new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero), Fields = NearestStep.Shortened(key),
    };

    [Fact]
    public void Explain_SeveralEntries_ComparesWithTheNearest()
    {
        var far = Entry(Key(("instruction", "RUN a"), ("ARG x", "1"), ("ARG y", "1"), ("user", "0")), "RUN a", build: "tenant/far");
        var near = Entry(Key(("instruction", "RUN a"), ("ARG x", "2"), ("ARG y", "2"), ("user", "1")), "RUN a", build: "tenant/near");

        var miss = NearestStep.Explain([far, near], Key(("instruction", "RUN a"), ("ARG x", "3"), ("ARG y", "2"), ("user", "1")), Name("RUN a"))!;

        miss.Reason.ShouldBe("ARG x changed");
        miss.NearestBuild.ShouldBe("tenant/near");
        miss.Changed.ShouldBe([new ChangedField("ARG x", "2", "3")]);
    }

    [Fact]
    public void Explain_FieldsComeAndGo_SaysSo()
    {
        var entry = Entry(Key(("instruction", "COPY . /"), ("file a", "1"), ("file b", "1")), "COPY . /");

        var miss = NearestStep.Explain([entry], Key(("instruction", "COPY . /"), ("file a", "1"), ("file c", "1"), ("file d", "1")), Name("COPY . /"))!;

        miss.Reason.ShouldBe("file c added, file d added and 1 more");
        miss.Changed.Select(c => (c.Name, c.Change)).ShouldBe([("file c", "added"), ("file d", "added"), ("file b", "removed")]);
    }

    [Fact]
    public void Explain_InstructionOnTheSameLineChanged_IsTheReasonAlone()
    {
        var entry = Entry(Key(("instruction", "RUN a"), ("command", "sha256:1")), "RUN a");

        NearestStep.Explain([entry], Key(("instruction", "RUN b"), ("command", "sha256:2")), Name("RUN b"))!.Reason.ShouldBe("instruction changed");
    }

    [Fact]
    public void Explain_InstructionMovedToAnotherLine_IsStillCompared()
    {
        var entry = Entry(Key(("instruction", "RUN a"), ("user", "0")), "RUN a", line: 9);

        NearestStep.Explain([entry], Key(("instruction", "RUN a"), ("user", "1")), Name("RUN a"))!.Reason.ShouldBe("user changed");
    }

    [Theory]
    [InlineData("COPY a /a", 4, "run.Dockerfile")]
    [InlineData("RUN b", 5, "run.Dockerfile")]
    [InlineData("RUN a", 4, "build.Dockerfile")]
    public void Explain_NothingAlike_SaysNothing(string text, int line, string file)
    {
        var entry = Entry(Key(("instruction", text)), text, line, file: file);

        NearestStep.Explain([entry], Key(("instruction", "RUN a"), ("user", "0")), Name("RUN a")).ShouldBeNull();
    }

    [Fact]
    public void Shortened_LongValuesAndDigests_AreCut() =>
        NearestStep.Shortened(Key(("command", Digest.Compute("x"u8).ToString()), ("user", "0"))).Select(f => f.Value.Length).ShouldBe([40, 1]);
}
