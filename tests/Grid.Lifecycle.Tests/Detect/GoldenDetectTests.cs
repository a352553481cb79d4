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
    [Spec("platform/detect.group", "platform/detect.plan", "platform/buildpacks.layout", "buildpack/detect.execute", Case = "001-single-pass")]
    [Spec("buildpack/detect.select", "buildpack/interface.invoke", Case = "001-single-pass")]
    [Spec("buildpack/detect.exit", Case = "003-error-1")]
    [Spec("buildpack/detect.filter", "buildpack/detect.next-module", "buildpack/detect.order", Case = "005-optional-errors")]
    [Spec("buildpack/detect.exit", "buildpack/detect.none-passed", Case = "006-all-optional-fail")]
    [Spec("buildpack/detect.next-group", Case = "008-second-group-after-error")]
    [Spec("platform/api.unsupported", Case = "013-unsupported-platform-api")]
    [Spec("platform/group.fields", Case = "018-homepage")]
    [Spec("platform/detect.plan", "buildpack/detect.plan-sections", Case = "030-provide-require")]
    [Spec("buildpack/trial.unmet-optional", Case = "034-unmet-require-optional")]
    [Spec("buildpack/trial.unused-required", Case = "035-unused-provide")]
    [Spec("buildpack/trial.unmet-required", Case = "037-wrong-order")]
    [Spec("buildpack/trial.order", Case = "039-or-provider")]
    [Spec("buildpack/trial.unused-optional", Case = "044-chain-drop")]
    [Spec("buildpack/requires.version", Case = "045-top-level-version")]
    [Spec("buildpack/positional", Case = "047-plan-arg2")]
    [Spec("buildpack/order.pattern", Case = "060-composite-first")]
    [Spec("buildpack/order.optional", Case = "062-composite-optional")]
    [Spec("buildpack/composite.resolvable", "buildpack/order.expansion", Case = "064-composite-nested")]
    [Spec("buildpack/detect.target", Case = "070-target-windows")]
    [Spec("buildpack/targets.distros", Case = "072-target-distro-match")]
    [Spec("buildpack/env.target", "platform/detect.target", Case = "074-target-env")]
    [Spec("buildpack/env.operator", "platform/env.operator-files", Case = "081-build-config")]
    [Spec("platform/detect.exec-env.skip", Case = "082-exec-env")]
    [Decision(5, Case = "082-exec-env")]
    [Spec("buildpack/detect.inputs", "buildpack/api.supported", Case = "084-env-values")]
    [Spec("buildpack/trial.unused-extension", Case = "101-ext-unneeded")]
    [Spec("buildpack/detect.ext-optional", Case = "104-ext-errors")]
    [Spec("buildpack/detect.execute", Case = "106-ext-no-plan")]
    [Spec("buildpack/order.ext-first", Case = "109-ext-orders")]
    [Decision(3, Case = "109-ext-orders")]
    [Decision(32, Case = "111-ext-only")]
    [Spec("platform/detect.ext.plan", "platform/detect.ext.generate", "image_extension/generate.plan", Case = "112-ext-metadata")]
    [Spec("platform/experimental.unset", Case = "117-ext-platform-0.10-noexp")]
    [Spec("platform/experimental.warn", Case = "118-ext-platform-0.11-exp")]
    [Spec("platform/detect.ext.run-image", "platform/detect.ext.name", "platform/detect.ext.extend-false", Case = "202-run-switch")]
    [Spec("platform/detect.ext.extend-true", Case = "204-run-switch-and-extend")]
    [Spec("image_extension/run.others", "image_extension/build.others", Case = "211-not-recommended")]
    [Spec("image_extension/build.begin", Case = "212-build-no-arg")]
    [Decision(12, Case = "212-build-no-arg")]
    [Spec("image_extension/run.from", Case = "216-run-multistage")]
    [Spec("platform/detect.ext.all-extend", Case = "222-run-no-arg")]
    [Spec("image_extension/context.build", "image_extension/context.run", Case = "231-context-split")]
    [Spec("image_extension/context.exclusive", Case = "232-context-both")]
    [Spec("image_extension/generate.arguments", "buildpack/positional", Case = "236-args")]
    [Spec("platform/detect.ext.last-switch", "platform/detect.ext.ignored", "platform/detect.ext.warn-unknown", Case = "252-switch-twice")]
    [Spec("image_extension/detect.no-executable", "image_extension/generate.no-executable", Case = "260-prepopulated")]
    [Decision(10, Case = "260-prepopulated")]
    [Spec("platform/detect.ext.cleared", Case = "202-run-switch")]
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
        Said([.. log.Visible, .. log.Output.Split('\n')]).ShouldBe(Said(golden.Expected("stdout.info.txt")!.Split('\n')), ignoreOrder: true);
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

    /// <summary>
    /// Without what only one side says: the reference says that run.toml or analyzed.toml is missing (we are given values); we say which module the execution environment leaves out (row 5) and that
    /// an argument has no effect (row 14).
    /// </summary>
    private static IEnumerable<string> Said(IEnumerable<string> lines) => lines.Where(line => line.Length > 0
        && !line.StartsWith("No run metadata", StringComparison.Ordinal)
        && !line.StartsWith("Warning: No analyzed metadata", StringComparison.Ordinal)
        && !line.EndsWith("reading /etc/os-release file", StringComparison.Ordinal)
        && !line.Contains("not for the execution environment", StringComparison.Ordinal)
        && !line.EndsWith("is given by the lifecycle; the value is ignored", StringComparison.Ordinal));

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
