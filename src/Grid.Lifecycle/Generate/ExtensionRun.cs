using System.Text;
using Grid.Buildpacks;
using Grid.Buildpacks.Descriptors;
using Grid.Buildpacks.Detect;
using Grid.Buildpacks.Environment;
using Grid.Lifecycle.Detect;
using Grid.Lifecycle.Telemetry;
using Grid.Oci.FileSystem;
using Grid.Sandbox;

namespace Grid.Lifecycle.Generate;

/// <summary>Runs <c>bin/generate</c> of extensions (spec-facts §2.1).</summary>
internal sealed class ExtensionRun(ISandbox sandbox, PhaseEnvironment environment, IPhaseLog log)
{
    private const int AllMayRead = 0x1ED;
    private readonly ModuleSurroundings _surroundings = environment.ToSurroundings(sandbox.Files);

    /// <summary>
    /// Runs an extension and gives the directory that holds its output. One without <c>bin/generate</c> has its output ready in <c>generate/</c> (row 10).
    /// </summary>
    public async Task<string> RunAsync(GroupElement extension, ModuleDescriptor module, IReadOnlyList<PlanRequire> asked, CancellationToken cancellationToken)
    {
        var executable = module.Directory + "/bin/generate";
        if (sandbox.Files.Stat(executable) is null)
            return module.Directory + "/generate";
        var user = environment.User;
        var directory = GeneratedFiles.OutputDirectory(environment, extension);
        sandbox.Files.Delete(directory);
        sandbox.Files.CreateDirectory(directory, AllMayRead, new Owner(user.UserId, user.GroupId));

        using var scratch = new ScratchDirectory(sandbox.Files, user);
        var planPath = scratch.AddFile("plan.toml", Encoding.UTF8.GetBytes(ModulePlan.Write(asked)));
        var running = new RunningModule(ModuleKind.Extension, module.Api, module.Directory, module.ClearEnv);
        using var span = ModuleSpan.Start(environment, ModuleKind.Extension, extension.Id, extension.Version, "generate");
        var process = new ProcessSpec(
            [executable, directory, environment.PlatformDirectory, planPath],
            span.AddTo(ModuleEnvironment.ForGenerate(_surroundings, running, directory, planPath)), environment.AppDirectory, user) { Output = log };
        var result = await sandbox.RunAsync(process, cancellationToken);
        span.Collect(sandbox.Files, environment, log);
        if (result.ExitCode == 0)
            return directory;
        var why = result.OutOfMemory ? "was killed because it used more memory than is allowed" : $"failed with exit code {result.ExitCode}";
        throw new LifecycleException(ExitCode.GenerateFailed, $"extension {extension}: bin/generate {why}; its output above says more");
    }
}
