using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Grid.Buildpacks;
using Grid.Cli.Progress;
using Grid.Cli.Remote;
using Grid.Client.Models;
using Grid.Contracts;
using Grid.Contracts.Builds;
using Grid.Contracts.Events;
using Grid.Dockerfiles;
using Grid.Dockerfiles.Planning;
using Grid.Hosting;
using Grid.Oci;
using Grid.Sandbox.OciRuntime;

namespace Grid.Cli.Commands;

/// <summary><c>grid extend</c>: applies Dockerfiles to an image as a build would, for authors of extensions.</summary>
internal static class ExtendCommand
{
    private const string Tenant = "default";

    private static readonly Option<string> Kind = new("--kind") { Description = "Whose rules apply: build or run", Required = true };
    private static readonly Option<string> Base = new("--base") { Description = "Image to extend (registry name, oci:DIR[:TAG] or docker:NAME)", Required = true };
    private static readonly Option<FileInfo[]> Files = new("--dockerfile", "-f") { Description = "Dockerfile to apply; repeat it for more, in order", Required = true };
    private static readonly Option<DirectoryInfo?> Context = new("--context") { Description = "What COPY and ADD read (default: context.KIND or context beside the Dockerfile, else nothing)" };
    private static readonly Option<string[]> Args = new("--build-arg") { Description = "Value of an ARG: NAME=VALUE, or NAME to take it from the environment" };
    private static readonly Option<long?> UserId = new("--uid") { Description = "Value of the user_id argument (default: the image's user)" };
    private static readonly Option<long?> GroupId = new("--gid") { Description = "Value of the group_id argument (default: the image's group)" };
    private static readonly Option<string[]> Output = new("--output", "-o") { Description = "Where the image goes: oci:DIR[:TAG], docker:NAME or a registry name", Required = true };
    private static readonly Option<string?> BuildId = new("--build-id") { Description = "Where the build_id of Dockerfiles comes from: per-build (default), per-period=DURATION, pinned=UUID or replay=BUILD" };
    private static readonly Option<bool> Refresh = new("--refresh-extensions") { Description = "Run steps even when they are cached" };
    private static readonly Option<string[]> Secrets = SecretFlags.Create();
    private static readonly Option<bool> Json = new("--json") { Description = "One JSON event a line on standard output" };

    public static Command Create()
    {
        var command = new Command("extend", "Apply Dockerfiles of extensions to an image")
        {
            Kind, Base, Files, Context, Args, UserId, GroupId, Output, BuildId, Refresh, Secrets, Json,
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
            var input = Input.Read(parsed);
            foreach (var warning in input.Files.SelectMany(file => file.Warnings))
                Console.Error.WriteLine($"Warning: {warning}");
            if (ServerFlags.Read(parsed) is { } server)
                return await ExtendElsewhereAsync(server, input, parsed, cancellationToken);
            MountNamespace.EnterPrivate();
            return await ExtendAsync(input, parsed, cancellationToken);
        }
        catch (Exception e) when (UserError.Describe(e) is { } error)
        {
            Console.Error.WriteLine($"grid extend: {error.Message}");
            return error.ExitCode;
        }
    }

    private static async Task<int> ExtendElsewhereAsync(ServerContext server, Input input, ParseResult parsed, CancellationToken cancellationToken)
    {
        if (input.Targets.FirstOrDefault(target => target is not ImageLocation.Registry) is { } here)
            throw new LifecycleException(ExitCode.InvalidArgs, $"--output {here}: a running grid writes to registries only; extend on this machine with --server local");
        using var grid = new RemoteGrid(server, "grid extend");
        var dockerfiles = new List<DockerfileSubmission>();
        foreach (var file in input.Files)
        {
            dockerfiles.Add(new DockerfileSubmission
            {
                Extension = file.Extension,
                File = file.FileName,
                Text = file.Text,
                Args = [.. file.Args.Concat(input.Args).Select(arg => new ArgumentResource(arg.Name, arg.Value))],
                Context = file.Context is { } directory ? await grid.UploadContextAsync(directory, cancellationToken) : null,
            });
        }
        var submission = new BuildSubmission
        {
            Pool = ServerFlags.ReadPool(parsed),
            Image = input.Targets[0].ToString(),
            Tags = [.. input.Targets.Skip(1).Select(target => target.ToString())],
            Extension = new ImageExtensionSubmission { Kind = input.Kind, Base = input.Base.ToString(), Dockerfiles = dockerfiles },
            BuildId = parsed.GetValue(BuildId),
            RefreshExtensions = parsed.GetValue(Refresh),
            Secrets = input.Secrets,
        };
        return await grid.ShowAsync(grid.BuildAsync(submission, cancellationToken), parsed.GetValue(Json), "Extending");
    }

    private static async Task<int> ExtendAsync(Input input, ParseResult parsed, CancellationToken cancellationToken)
    {
        await using var grid = await EmbeddedGrid.StartAsync(GridFlags.Read(parsed), cancellationToken);
        using var span = GridTelemetry.Source.StartActivity("grid extend", ActivityKind.Client);
        var request = new BuildRequest
        {
            Tenant = Tenant,
            App = input.Targets[0].ToString(),
            Source = BuildRequest.NoSource,
            Builder = "",
            Targets = [.. input.Targets.Select(target => target.ToString())],
            Extension = new ImageExtension
            {
                Kind = input.Kind,
                Base = input.Base.ToString(),
                Dockerfiles = [.. input.Files.Select(file => new GivenDockerfile
                {
                    Extension = file.Extension,
                    FileName = file.FileName,
                    Text = file.Text,
                    Args = [.. file.Args, .. input.Args],
                    Context = file.Context is { } directory ? grid.PackContext(directory, cancellationToken) : null,
                })],
            },
            BuildId = parsed.GetValue(BuildId),
            RefreshExtensions = parsed.GetValue(Refresh),
            TraceParent = span?.Id,
        };
        var end = await EventScreen.ShowAsync(grid.BuildAsync($"{Tenant}/{Guid.CreateVersion7():N}", request, input.Secrets, cancellationToken), parsed.GetValue(Json), "Extending");
        span?.SetTag("grid.exit_code", end.ExitCode);
        return UserError.CodeOf(end);
    }

    /// <summary>What the flags ask for, checked without touching anything.</summary>
    private sealed record Input(ImageKind Kind, ImageLocation Base, IReadOnlyList<DockerfileFlag> Files, IReadOnlyList<BuildArg> Args, IReadOnlyList<ImageLocation> Targets,
        IReadOnlyDictionary<string, byte[]> Secrets)
    {
        /// <exception cref="LifecycleException">A value cannot be used.</exception>
        public static Input Read(ParseResult parsed)
        {
            var kind = parsed.GetValue(ExtendCommand.Kind) switch
            {
                "build" => ImageKind.Build,
                "run" => ImageKind.Run,
                var other => throw new LifecycleException(ExitCode.InvalidArgs, $"--kind wants build or run, not '{other}'"),
            };
            var buildId = GridFlags.Read("--build-id", parsed.GetValue(ExtendCommand.BuildId) ?? "", BuildIdPolicy.Parse);
            if (buildId is { Kind: BuildIdKind.Replay, Value: "last" })
                throw new LifecycleException(ExitCode.InvalidArgs, "--build-id replay=last: an image that is extended belongs to no app, so there is no last build; name the build");
            if (parsed.GetValue(Context) is { Exists: false } missing)
                throw new LifecycleException(ExitCode.InvalidArgs, $"--context: there is no directory {missing.FullName}");
            var files = parsed.GetValue(ExtendCommand.Files)!.Select(file => DockerfileFlag.Read(file, kind, parsed.GetValue(Context))).ToList();
            return new Input(kind, ImageLocation.Parse(parsed.GetValue(ExtendCommand.Base)!), files, Arguments(parsed), [.. parsed.GetValue(Output)!.Select(Target)],
                SecretFlags.Read(parsed.GetValue(ExtendCommand.Secrets) ?? []));
        }

        private static ImageLocation Target(string text) => ImageLocation.Parse(text) switch
        {
            ImageLocation.Layout { Digest.IsEmpty: true, Tag: null } layout => layout with { Tag = "latest" },
            ImageLocation.Layout { Digest.IsEmpty: false } or ImageLocation.Registry { Reference.Digest.IsEmpty: false } =>
                throw new LifecycleException(ExitCode.InvalidArgs, $"--output {text}: a new image has no digest yet; name a tag"),
            var target => target,
        };

        private static List<BuildArg> Arguments(ParseResult parsed)
        {
            var args = BuildArgFlags.Read(parsed.GetValue(ExtendCommand.Args) ?? []);
            foreach (var (name, value) in new[] { ("user_id", parsed.GetValue(UserId)), ("group_id", parsed.GetValue(GroupId)) })
            {
                if (value is < 0 or > int.MaxValue)
                    throw new LifecycleException(ExitCode.InvalidArgs, $"{value} cannot be a {name}: it is a number from 0 to {int.MaxValue}");
                if (value is { } number)
                    args.Add(new BuildArg(name, number.ToString(CultureInfo.InvariantCulture)));
            }
            return args;
        }
    }
}
