using Grid.Buildpacks;
using Grid.Buildpacks.Detect;
using Grid.Buildpacks.Toml;
using Grid.Lifecycle.Detect;
using Grid.Lifecycle.Generate;
using Grid.Lifecycle.Tests.Support;

namespace Grid.Lifecycle.Tests.Detect;

/// <summary>What the reference's detector (with generate) did, done by ours.</summary>
public sealed class GoldenDetectTests
{
    /// <summary>Cases whose generated tree differs, with the row of the list of the reference's defects that says why.</summary>
    private static readonly Dictionary<string, string> OtherTree = new()
    {
        ["260-prepopulated"] = "row 10: the reference forgets to copy the files of extensions without bin/generate",
    };

    public static TheoryData<string> Cases => [.. GoldenDetectCase.Names];

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task DetectAndGenerate_EqualTheReference(string name)
    {
        HostSandbox.SkipUnlessUsable();
        using var golden = new GoldenDetectCase(name);
        await using var sandbox = new HostSandbox();
        var log = new RecordedLog();

        var (exitCode, detected, generated) = await RunAsync(golden, sandbox, log);

        exitCode.ShouldBe(golden.ExpectedExitCode, string.Join('\n', log.Visible));
        if (exitCode != 0)
            return;
        GroupFiles.Write(detected!.Group).ShouldBe(golden.Expected("layers/group.toml")!.ReplaceLineEndings("\n"));
        Entries(GroupFiles.Write(generated!.Plan)).ShouldBe(Entries(golden.Expected("layers/plan.toml") ?? ""), ignoreOrder: true);
        CompareRunImage(golden, generated);
        if (OtherTree.ContainsKey(name))
            golden.Generated().ShouldNotBe(golden.ExpectedGenerated());
        else
            golden.Generated().ShouldBe(golden.ExpectedGenerated());
        sandbox.Runs.ShouldAllBe(run => !File.Exists(run.Arguments[run.Arguments.Count - 1]), "plan files are removed");
    }

    private static async Task<(int ExitCode, DetectResult? Detected, GenerateResult? Generated)> RunAsync(
        GoldenDetectCase golden, HostSandbox sandbox, RecordedLog log)
    {
        try
        {
            var detected = await Detector.DetectAsync(sandbox, golden.Input, log, TestContext.Current.CancellationToken);
            var input = new GenerateInput(golden.Input.Environment, detected.Group, detected.Plan, golden.RunImageName, golden.Known);
            return (0, detected, await Generator.GenerateAsync(sandbox, input, log, TestContext.Current.CancellationToken));
        }
        catch (LifecycleException failure)
        {
            log.Error(failure.Message);
            return ((int)failure.ExitCode, null, null);
        }
    }

    private static void CompareRunImage(GoldenDetectCase golden, GenerateResult generated)
    {
        var before = golden.Analyzed?.GetTable("run-image");
        var expected = TomlFile.Parse(golden.Expected("layers/analyzed.toml") ?? "", "analyzed.toml").GetTable("run-image");
        if (expected is null)
            return;
        (generated.SwitchedRunImage ?? golden.RunImageName).ShouldBe(expected.GetString("image"));
        (generated.ExtendsRun || (generated.SwitchedRunImage is null && before?.GetBoolean("extend") == true)).ShouldBe(expected.GetBoolean("extend"));
    }

    private static IReadOnlyList<string> Entries(string plan) =>
        [.. TomlFile.Parse(plan, "plan.toml").GetTables("entries").Select(TomlWriter.Write)];
}
