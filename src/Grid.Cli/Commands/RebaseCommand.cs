using System.CommandLine;
using System.Text;
using Grid.Buildpacks;
using Grid.Cli.Lifecycle;
using Grid.Cli.Remote;
using Grid.Client.Models;
using Grid.Hosting;
using Grid.Lifecycle;
using Grid.Lifecycle.Export;
using Grid.Lifecycle.Rebase;
using Grid.Oci;

namespace Grid.Cli.Commands;

/// <summary><c>grid rebase</c>: puts an app image on a newer run image without building it again. Flags are named as pack's.</summary>
internal static class RebaseCommand
{
    private const string ReportFile = "report.toml";

    private static readonly Argument<string> Image = new("image") { Description = "The app image: a registry name, oci:DIR[:TAG] or docker:NAME" };
    private static readonly Option<string?> RunImage = new("--run-image") { Description = "The new run image (default: the one the app's label names, or its mirror)" };
    private static readonly Option<string?> PreviousImage = new("--previous-image") { Description = "Image to rebase when it is another one; it stays as it is" };
    private static readonly Option<string[]> Tags = new("--tag", "-t") { Description = "Additional name for the rebased image" };
    private static readonly Option<bool> Force = new("--force") { Description = "Rebase even where it is unsafe: checks become warnings" };
    private static readonly Option<string?> Reports = new("--report-output-dir") { Description = "Directory for report.toml" };
    private static readonly Option<string[]> Insecure = new("--insecure-registry") { Description = "Registry to speak plain http with" };
    private static readonly Option<bool> Verbose = new("--verbose", "-v") { Description = "Show more of what happens" };

    public static Command Create()
    {
        var command = new Command("rebase", "Put an app image on a newer run image") { Image, RunImage, PreviousImage, Tags, Force, Reports, Insecure, Verbose };
        ServerFlags.AddWithPoolTo(command);
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        try
        {
            if (ServerFlags.Read(parsed) is { } server)
                return await RebaseElsewhereAsync(server, parsed, cancellationToken);
            await RebaseAsync(parsed, cancellationToken);
            return 0;
        }
        catch (Exception e) when (UserError.Describe(e) is { } error)
        {
            Console.Error.WriteLine($"grid rebase: {error.Message}");
            return error.ExitCode;
        }
    }

    private static async Task RebaseAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var image = ExportTarget.Parse(parsed.GetValue(Image)!);
        var targets = new[] { image }.Concat((parsed.GetValue(Tags) ?? []).Select(ExportTarget.Parse)).ToList();
        var log = PhaseConsole.Standard(parsed.GetValue(Verbose) ? PhaseLogLevel.Debug : PhaseLogLevel.Info, noColor: false);
        await using var tools = ImageTools.Create(new GridOptions { InsecureRegistries = parsed.GetValue(Insecure) ?? [] });
        var report = await Rebaser.RebaseAsync(
            tools.Images,
            new RebaseInput
            {
                App = parsed.GetValue(PreviousImage) is { } previous ? ImageLocation.Parse(previous) : image.Location,
                Targets = targets,
                RunImage = parsed.GetValue(RunImage) is { } name ? ExportTarget.Parse(name) : null,
                Force = parsed.GetValue(Force),
                Created = SourceDateEpoch.Read(),
                Platform = HostPlatform.Current,
                // The label of an app of a Docker engine names images of that engine.
                Locate = name => image.Location is ImageLocation.Docker ? new ImageLocation.Docker(name) : ImageLocation.Parse(name),
            },
            log,
            cancellationToken);
        report.EnsureComplete(ExitCode.RebaseError);
        if (parsed.GetValue(Reports) is { } directory)
            await WriteReportAsync(directory, Encoding.UTF8.GetBytes(report.ToToml()), cancellationToken);
    }

    private static async Task<int> RebaseElsewhereAsync(ServerContext server, ParseResult parsed, CancellationToken cancellationToken)
    {
        var image = parsed.GetValue(Image)!;
        var tags = parsed.GetValue(Tags) ?? [];
        if (tags.Prepend(image).FirstOrDefault(name => ImageLocation.Parse(name) is not ImageLocation.Registry) is { } here)
            throw new LifecycleException(ExitCode.InvalidArgs, $"{here}: a running grid writes to registries only; rebase on this machine with --server local");
        using var grid = new RemoteGrid(server, "grid rebase");
        var build = await grid.SubmitAsync(new BuildSubmission
        {
            Pool = ServerFlags.ReadPool(parsed),
            Image = image,
            Tags = tags,
            PreviousImage = parsed.GetValue(PreviousImage),
            RunImage = parsed.GetValue(RunImage),
            Rebase = new ImageRebaseSubmission { Force = parsed.GetValue(Force) },
            SourceDateEpoch = SourceDateEpoch.Read()?.ToUnixTimeSeconds(),
        }, cancellationToken);
        var code = await grid.ShowAsync(grid.WatchAsync(build, cancellationToken), json: false, "Rebase");
        if (code == 0 && parsed.GetValue(Reports) is { } directory)
            await WriteReportAsync(directory, await grid.Client.GetArtifactAsync(server.Tenant, build.Id, ReportFile, cancellationToken), cancellationToken);
        return code;
    }

    private static Task WriteReportAsync(string directory, byte[] report, CancellationToken cancellationToken) =>
        File.WriteAllBytesAsync(Path.Combine(Directory.CreateDirectory(directory).FullName, ReportFile), report, cancellationToken);
}
