using System.CommandLine;
using Grid.Buildpacks;
using Grid.Cli.Lifecycle;
using Grid.Hosting;
using Grid.Lifecycle;
using Grid.Lifecycle.Export;
using Grid.Lifecycle.Rebase;
using Grid.Oci;

namespace Grid.Cli.Commands;

/// <summary><c>grid rebase</c>: puts an app image on a newer run image without building it again. Flags are named as pack's.</summary>
internal static class RebaseCommand
{
    // What names and labels are compared by; the app's own CNB_PLATFORM_API decides which rules it is checked by.
    private const string PlatformApi = "0.15";

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
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        try
        {
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
        var image = Target(parsed.GetValue(Image)!);
        var targets = new[] { image }.Concat((parsed.GetValue(Tags) ?? []).Select(Target)).ToList();
        var log = PhaseConsole.Standard(parsed.GetValue(Verbose) ? PhaseLogLevel.Debug : PhaseLogLevel.Info, noColor: false);
        await using var tools = ImageTools.Create(new GridOptions { InsecureRegistries = parsed.GetValue(Insecure) ?? [] });
        var report = await Rebaser.RebaseAsync(
            tools.Images,
            new RebaseInput
            {
                PlatformApi = PlatformApi,
                App = parsed.GetValue(PreviousImage) is { } previous ? ImageLocation.Parse(previous) : image.Location,
                Targets = targets,
                RunImage = parsed.GetValue(RunImage) is { } name ? Target(name) : null,
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
            await File.WriteAllTextAsync(Path.Combine(Directory.CreateDirectory(directory).FullName, "report.toml"), report.ToToml(), cancellationToken);
    }

    private static ExportTarget Target(string name)
    {
        var location = ImageLocation.Parse(name);
        return new ExportTarget(location is ImageLocation.Docker docker ? docker.Name : name, location);
    }
}
