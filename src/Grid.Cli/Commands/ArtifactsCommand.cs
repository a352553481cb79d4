using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Grid.Buildpacks;
using Grid.Cli.Progress;
using Grid.Cli.Remote;
using Grid.Client;
using Grid.Client.Models;
using Grid.Contracts.Builds;
using Grid.Hosting;
using Grid.Oci.FileSystem;

namespace Grid.Cli.Commands;

/// <summary><c>grid artifacts</c>: the files a build left beside its image, of a running grid or of this machine.</summary>
internal static class ArtifactsCommand
{
    private const int DirectoryMode = 0x1ED; // 0755
    private const int FileMode = 0x1A4; // 0644

    private static readonly Argument<string> Build = new("build") { Description = "Id of the build, as 'grid builds' shows it" };
    private static readonly Argument<string?> Name = new("name") { Description = "File to write to standard output, as the list names it", Arity = ArgumentArity.ZeroOrOne };
    private static readonly Option<DirectoryInfo?> Output = new("--output-dir", "-o") { Description = "Write all files below this directory" };
    private static readonly Option<bool> Json = new("--json") { Description = "JSON on standard output" };

    public static Command Create()
    {
        var command = new Command("artifacts", "List or fetch what a build left: report, SBOMs, generated Dockerfiles, group and plan") { Build, Name, Output, Json };
        GridFlags.AddTo(command);
        ServerFlags.AddTo(command);
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        try
        {
            if (ServerFlags.Read(parsed) is { } server)
            {
                using var grid = new RemoteGrid(server, "grid artifacts");
                var build = parsed.GetValue(Build)!;
                var listed = (await grid.Client.ListArtifactsAsync(server.Tenant, build, cancellationToken)).Items;
                await ShowAsync(parsed, listed, name => grid.Client.GetArtifactAsync(server.Tenant, build, name, cancellationToken), cancellationToken);
            }
            else
            {
                var files = await ReadAsync(parsed, cancellationToken);
                await ShowAsync(parsed, [.. files.Select(f => new ArtifactResource(f.Name, f.MediaType, f.Content.Length))], name => Task.FromResult(files.Single(f => f.Name == name).Content.ToArray()), cancellationToken);
            }
            return 0;
        }
        catch (Exception e) when (UserError.Describe(e) is { } error)
        {
            Console.Error.WriteLine($"grid artifacts: {error.Message}");
            return error.ExitCode;
        }
    }

    private static async Task<IReadOnlyList<ArtifactFile>> ReadAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var options = GridFlags.Read(parsed);
        using var events = LocalBuilds.Open(options);
        var key = LocalBuilds.Find(events, options, parsed.GetValue(Build));
        await using var grid = await EmbeddedGrid.StartAsync(options, cancellationToken);
        return await grid.ReadArtifactsAsync(key, cancellationToken);
    }

    private static async Task ShowAsync(ParseResult parsed, IReadOnlyList<ArtifactResource> files, Func<string, Task<byte[]>> read, CancellationToken cancellationToken)
    {
        if (parsed.GetValue(Name) is { } wanted)
        {
            if (!files.Any(f => f.Name == wanted))
                throw new LifecycleException(ExitCode.InvalidArgs, $"build {parsed.GetValue(Build)} has no file '{wanted}'; without a name they are listed");
            await using var output = Console.OpenStandardOutput();
            await output.WriteAsync(await read(wanted), cancellationToken);
            return;
        }
        if (parsed.GetValue(Output) is { } directory)
            await SaveAsync(directory, files, read);
        if (parsed.GetValue(Json))
            Console.WriteLine(JsonSerializer.Serialize(files, GridClient.Json));
        else
            files.ToList().ForEach(f => Console.WriteLine(Words.Printable($"{f.Size.ToString(CultureInfo.InvariantCulture),10}  {f.Name}  {f.MediaType}")));
    }

    /// <summary>Names come from buildpacks and over a network: no file is written outside of the directory, and none through a link.</summary>
    private static async Task SaveAsync(DirectoryInfo directory, IReadOnlyList<ArtifactResource> files, Func<string, Task<byte[]>> read)
    {
        directory.Create();
        var target = new RootedDirectory(directory.FullName);
        foreach (var file in files)
        {
            if (file.Name.Split('/').Any(part => part is "" or "." or ".."))
                throw new LifecycleException(ExitCode.Failed, $"'{Words.Printable(file.Name)}' is no name for a file");
            if (file.Name.LastIndexOf('/') is > 0 and var slash)
                target.CreateDirectory("/" + file.Name[..slash], DirectoryMode);
            target.WriteFile("/" + file.Name, await read(file.Name), FileMode);
        }
    }
}
