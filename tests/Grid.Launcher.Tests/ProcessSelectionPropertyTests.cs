using CsCheck;

namespace Grid.Launcher.Tests;

/// <summary>The choice of the process against platform.md §launcher, written as it stands there.</summary>
public sealed class ProcessSelectionPropertyTests
{
    private static readonly string[] Types = ["web", "worker"];
    private static readonly string[] Environments = ["production", "test"];
    private static readonly string[] Words = ["--", "web", "x", ""];
    private static readonly string[][] ExecEnvs = [[], ["*"], ["test"], ["production", "test"]];

    private static readonly Gen<string[]> Arguments = Gen.Int[0, Words.Length - 1].Array[0, 3].Select(picks => picks.Select(i => Words[i]).ToArray());

    private static readonly Gen<LaunchProcess> Process = Gen.Select(Gen.Int[0, 1], Gen.Int[0, 1], Gen.Bool, Gen.Int[0, 3], Arguments, Arguments, (type, old, direct, execEnv, command, args) =>
        new LaunchProcess(Types[type], ["program", .. command], args, direct || old == 0) { BuildpackId = old == 1 ? "old" : "new", ExecEnv = ExecEnvs[execEnv] });

    [Fact]
    [Spec("platform/launch.process", "platform/launch.link", "platform/launch.link.select", "platform/launch.link.not-eligible", "platform/launch.args.direct", "platform/launch.args.replace")]
    [Spec("platform/launch.old.direct", "platform/launch.old.append", "platform/launch.dashes", "platform/launch.shell")]
    public void Select_AnyStart_IsWhatTheSpecificationSays() => Gen.Select(Process.Array[0, 3], Gen.Int[0, 2], Gen.Int[0, 1], Arguments).Sample((processes, name, environment, args) =>
    {
        var metadata = new LaunchMetadata([LaunchBuildpack.From("new", "0.12"), LaunchBuildpack.From("old", "0.8")], processes);
        var self = name == 2 ? "/cnb/lifecycle/launcher" : "/cnb/process/" + Types[name];
        var selection = new ProcessSelection(metadata, ApiVersion.ForPlatform("0.15"), Environments[environment]);

        var expected = Expected(processes, self[(self.LastIndexOf('/') + 1)..], Environments[environment], args);

        if (expected is null)
            Should.Throw<LaunchException>(() => selection.Select(self, args));
        else
            Text(selection.Select(self, args)).ShouldBe(expected);
    }, iter: 5_000);

    private static string? Expected(LaunchProcess[] processes, string type, string execEnv, string[] args)
    {
        var eligible = processes.Where(p => p.Type == type && (p.ExecEnv.Count == 0 || p.ExecEnv.Contains(execEnv) || p.ExecEnv.Contains("*"))).ToList();
        if (eligible.Count == 0)
        {
            // A name that is no process type starts what the user gave; without anything to start that is an error.
            return args switch
            {
                [] or ["--"] => null,
                ["--", var command, .. var rest] => $"direct {command} [{string.Join('|', rest)}]",
                [var command, .. var rest] => $"shell {command} [{string.Join('|', rest)}]",
            };
        }
        var process = eligible[0];
        var defaults = process.BuildpackId == "new" && args.Length > 0 ? [] : process.Args;
        string[] all = [.. process.Command.Skip(1), .. defaults, .. args];
        return $"{(process.Direct ? "direct" : "shell")} {process.Command[0]} [{string.Join('|', all)}]";
    }

    private static string Text(LaunchProcess process) => $"{(process.Direct ? "direct" : "shell")} {process.Command[0]} [{string.Join('|', process.Args)}]";
}
