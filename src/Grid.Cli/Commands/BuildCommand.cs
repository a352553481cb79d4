using System.CommandLine;
using System.Diagnostics;
using Grid.Buildpacks;
using Grid.Buildpacks.Toml;
using Grid.Cli.Progress;
using Grid.Cli.Remote;
using Grid.Client.Models;
using Grid.Contracts;
using Grid.Contracts.Builds;
using Grid.Contracts.Events;
using Grid.Hosting;
using Grid.Hosting.Events;
using Grid.Oci;
using Grid.Oci.Images;
using Grid.Sandbox.OciRuntime;
using Spectre.Console;

namespace Grid.Cli.Commands;

/// <summary><c>grid build</c>: source in, image out, on an embedded silo.</summary>
internal static class BuildCommand
{
    private const string Tenant = "default";

    private static readonly Argument<DirectoryInfo> Source = new("path") { Description = "Directory with the app's source", DefaultValueFactory = _ => new DirectoryInfo(".") };
    private static readonly Option<string> Builder = new("--builder", "-B") { Description = "Builder image (registry name, oci:DIR[:TAG] or docker:NAME), or a directory with a builder.toml", Required = true };
    private static readonly Option<string> ImageName = new("--image", "-i") { Description = "Name of the app image", Required = true };
    private static readonly Option<string[]> Tags = new("--tag", "-t") { Description = "Additional name for the image, in the same registry" };
    private static readonly Option<string?> RunImage = new("--run-image") { Description = "Run image to use instead of the builder's" };
    private static readonly Option<string?> PreviousImage = new("--previous-image") { Description = "Image whose layers are reused (default: the app image's last version)" };
    private static readonly Option<string[]> Env = new("--env", "-e") { Description = "Environment for buildpacks and extensions: NAME=VALUE, or NAME to take it from here" };
    private static readonly Option<string> Output = new("--output", "-o") { Description = "Where the image goes: registry, oci:DIR[:TAG] or docker", DefaultValueFactory = _ => "registry" };
    private static readonly Option<string?> BuildId = new("--build-id") { Description = "Where the build_id of Dockerfiles comes from: per-build (default), per-period=DURATION, pinned=UUID, replay=BUILD, or a UUID" };
    private static readonly Option<string?> DefaultProcess = new("--default-process") { Description = "Process type the image starts" };
    private static readonly Option<bool> Refresh = new("--refresh-extensions") { Description = "Run Dockerfile steps even when they are cached" };
    private static readonly Option<string[]> Secrets = SecretFlags.Create();
    private static readonly Option<bool> Json = new("--json") { Description = "One JSON event a line on standard output" };

    public static Command Create()
    {
        var command = new Command("build", "Build an app image from source")
        {
            Source, SourceFlags.Git, SourceFlags.Revision, SourceFlags.Secret, SourceFlags.KnownHosts, SourceFlags.Image, SourceFlags.Path, Builder, ImageName, Tags, RunImage, PreviousImage, Env, Output, BuildId, DefaultProcess, Refresh, Secrets, Json,
        };
        GridFlags.AddTo(command);
        ServerFlags.AddWithPoolTo(command);
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        try
        {
            // Before anything is entered or started: bad input is answered at once, whoever asks.
            var input = Input.Read(parsed);
            if (ServerFlags.Read(parsed) is { } server)
                return await BuildElsewhereAsync(server, input, parsed, cancellationToken);
            MountNamespace.EnterPrivate();
            return await BuildAsync(input, parsed, cancellationToken);
        }
        catch (Exception e) when (UserError.Describe(e) is { } error)
        {
            Console.Error.WriteLine($"grid build: {error.Message}");
            return error.ExitCode;
        }
    }

    private static async Task<int> BuildElsewhereAsync(ServerContext server, Input input, ParseResult parsed, CancellationToken cancellationToken)
    {
        using var grid = new RemoteGrid(server, "grid build");
        if (parsed.GetValue(Output) != "registry")
            throw new LifecycleException(ExitCode.InvalidArgs, $"--output {parsed.GetValue(Output)}: a running grid writes to registries only; build on this machine with --server local");
        var submission = new BuildSubmission
        {
            Pool = ServerFlags.ReadPool(parsed),
            Image = parsed.GetValue(ImageName)!,
            Tags = parsed.GetValue(Tags) ?? [],
            Builder = parsed.GetValue(Builder)!,
            Source = input.Origin is null ? await grid.UploadSourceAsync(input.Source.FullName, cancellationToken) : null,
            Git = input.Origin?.Git is { } git ? new GitSource(git.Url) { Revision = git.Revision, Secret = git.Secret, KnownHosts = git.KnownHosts } : null,
            SourceImage = input.Origin?.Image,
            SourcePath = input.Origin is { Path: { Length: > 0 } path } ? path : null,
            RunImage = parsed.GetValue(RunImage),
            PreviousImage = parsed.GetValue(PreviousImage),
            Environment = input.Environment,
            BuildId = parsed.GetValue(BuildId),
            DefaultProcess = parsed.GetValue(DefaultProcess),
            RefreshExtensions = parsed.GetValue(Refresh),
            SourceDateEpoch = input.SourceDateEpoch,
            Secrets = input.Secrets,
        };
        return await grid.ShowAsync(grid.BuildAsync(submission, cancellationToken), parsed.GetValue(Json), "Build");
    }

    private static async Task<int> BuildAsync(Input input, ParseResult parsed, CancellationToken cancellationToken)
    {
        await using var grid = await EmbeddedGrid.StartAsync(GridFlags.Read(parsed), cancellationToken);
        using var span = GridTelemetry.Source.StartActivity("grid build", ActivityKind.Client);
        var request = new BuildRequest
        {
            Tenant = Tenant,
            App = input.Targets.AppName,
            Builder = (await grid.ResolveBuilderAsync(parsed.GetValue(Builder)!, cancellationToken)).ToString(),
            Source = input.Origin is null ? grid.PackSource(input.Source.FullName, cancellationToken) : BuildRequest.NoSource,
            Origin = input.Origin,
            Targets = [.. input.Targets.Locations.Select(l => l.ToString())],
            RunImage = parsed.GetValue(RunImage),
            PreviousImage = parsed.GetValue(PreviousImage),
            Environment = input.Environment,
            BuildId = parsed.GetValue(BuildId),
            DefaultProcess = parsed.GetValue(DefaultProcess),
            RefreshExtensions = parsed.GetValue(Refresh),
            SourceDateEpoch = input.SourceDateEpoch,
            TraceParent = span?.Id,
        };
        var end = await EventScreen.ShowAsync(grid.BuildAsync($"{Tenant}/{Guid.CreateVersion7():N}", request, input.Secrets, cancellationToken), parsed.GetValue(Json), "Build");
        if (!parsed.GetValue(Json) && end.Image is not null)
        {
            Console.WriteLine($"Built  in sandboxes of {grid.SandboxName}");
            if (grid.SandboxWarning is { } warning)
                Console.Error.WriteLine($"grid build: {warning} (docs/sandboxes.md)");
        }
        span?.SetTag("grid.exit_code", end.ExitCode);
        return UserError.CodeOf(end);
    }

    /// <summary>What the flags and the environment ask for, checked without touching anything.</summary>
    private sealed record Input(DirectoryInfo Source, SourceOrigin? Origin, BuildTargets Targets, Dictionary<string, string> Environment, long? SourceDateEpoch, IReadOnlyDictionary<string, byte[]> Secrets)
    {
        /// <exception cref="LifecycleException">A value cannot be used.</exception>
        public static Input Read(ParseResult parsed)
        {
            var source = parsed.GetValue(BuildCommand.Source)!;
            var origin = SourceFlags.Read(parsed);
            if (origin is null && !source.Exists)
                throw new LifecycleException(ExitCode.InvalidArgs, File.Exists(source.FullName) ? $"{source.FullName} is a file; name the directory of the app's source" : $"there is no directory {source.FullName}");
            GridFlags.Read("--build-id", parsed.GetValue(BuildId) ?? "", BuildIdPolicy.Parse);
            return new Input(
                source,
                origin,
                BuildTargets.Resolve(parsed.GetValue(ImageName)!, parsed.GetValue(Tags) ?? [], parsed.GetValue(Output)!),
                EnvironmentFlags.Read(parsed.GetValue(Env) ?? []),
                Commands.SourceDateEpoch.Seconds(),
                SecretFlags.Read(parsed.GetValue(BuildCommand.Secrets) ?? []));
        }
    }
}
