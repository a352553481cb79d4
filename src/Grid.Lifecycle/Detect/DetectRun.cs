using System.Text;
using Grid.Buildpacks;
using Grid.Buildpacks.Descriptors;
using Grid.Buildpacks.Detect;
using Grid.Buildpacks.Metadata;
using Grid.Buildpacks.Toml;
using Grid.Sandbox;

namespace Grid.Lifecycle.Detect;

/// <summary>How a module's detect ended.</summary>
/// <param name="Code">0 pass, 100 fail, anything else an error; -1 for a plan that breaks the rules or a module that does not fit.</param>
/// <param name="Options">Its plan, when it passed.</param>
/// <param name="Output">What it printed.</param>
/// <param name="Error">What is wrong when the code is -1.</param>
internal sealed record DetectRun(int Code, IReadOnlyList<PlanOption> Options, string Output, string? Error = null)
{
    public const int Failed = 100;

    public bool Passed => Code == 0;

    public bool Errored => Code is not (0 or Failed);

    public static DetectRun Refused(string error) => new(-1, [], "", error);
}

/// <summary>Runs bin/detect of modules, each at most once in a phase and several at a time.</summary>
internal sealed class DetectRuns(ISandbox sandbox, PhaseEnvironment environment, int parallelism) : IDisposable
{
    private readonly Dictionary<(ModuleKind, string, string), Task<DetectRun>> _runs = [];
    private readonly SemaphoreSlim _slots = new(Math.Max(1, parallelism));
    private readonly ModuleProcess _process = new(sandbox.Files, environment);

    /// <summary>The module's result; started now unless it was before.</summary>
    public Task<DetectRun> Of(ModuleDescriptor module, CancellationToken cancellationToken)
    {
        var key = (module.Kind, module.Id, module.Version);
        if (!_runs.TryGetValue(key, out var run))
            _runs[key] = run = RunAsync(module, cancellationToken);
        return run;
    }

    public void Dispose() => _slots.Dispose();

    private async Task<DetectRun> RunAsync(ModuleDescriptor module, CancellationToken cancellationToken)
    {
        await _slots.WaitAsync(cancellationToken);
        try
        {
            return sandbox.Files.Stat(module.Directory + "/bin/detect") is not null ? await ExecuteAsync(module, cancellationToken)
                : module.Kind == ModuleKind.Extension ? Plan(module, module.Directory + "/detect/plan.toml", "")
                : DetectRun.Refused($"buildpack {module.Id}@{module.Version} has no bin/detect");
        }
        finally
        {
            _slots.Release();
        }
    }

    private async Task<DetectRun> ExecuteAsync(ModuleDescriptor module, CancellationToken cancellationToken)
    {
        var directory = _process.NewDirectory("plan");
        try
        {
            var plan = directory + "/plan.toml";
            sandbox.Files.WriteFile(plan, [], 0b110_000_000, _process.Owner);
            using var output = new CapturedOutput();
            IEnumerable<(string, string?)> own = module.Api.IsBelow("0.8") ? [] : [("CNB_BUILD_PLAN_PATH", plan)];
            var result = await sandbox.RunAsync(
                new ProcessSpec([module.Directory + "/bin/detect", environment.PlatformDirectory, plan], _process.Variables(module, own), environment.AppDirectory, environment.User)
                {
                    Output = output,
                }, cancellationToken);
            return result.ExitCode == 0 ? Plan(module, plan, output.Text) : new DetectRun(result.ExitCode, [], output.Text);
        }
        finally
        {
            sandbox.Files.Delete(directory);
        }
    }

    private DetectRun Plan(ModuleDescriptor module, string path, string output)
    {
        try
        {
            return new DetectRun(0, TomlFile.ReadIfExists(sandbox.Files, path) is { } plan ? PlanFile.Read(plan, module.Kind) : [PlanOption.Empty], output);
        }
        catch (TomlFormatException e)
        {
            return new DetectRun(-1, [], output, e.Message);
        }
    }
}

/// <summary>Keeps what a process prints, up to a bound.</summary>
internal sealed class CapturedOutput : IProcessOutput, IDisposable
{
    private const int MaxBytes = 1 << 20;
    private readonly MemoryStream _bytes = new();

    public string Text => Encoding.UTF8.GetString(_bytes.GetBuffer(), 0, (int)_bytes.Length);

    public void Dispose() => _bytes.Dispose();

    public void Write(ReadOnlySpan<byte> bytes, bool isError)
    {
        lock (_bytes)
            _bytes.Write(bytes[..(int)Math.Min(bytes.Length, MaxBytes - _bytes.Length)]);
    }
}
