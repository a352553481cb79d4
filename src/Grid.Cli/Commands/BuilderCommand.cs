using System.CommandLine;
using Grid.Buildpacks;
using Grid.Hosting;
using Grid.Oci;

namespace Grid.Cli.Commands;

/// <summary><c>grid builder create</c>: a builder image from a builder.toml in pack's format.</summary>
internal static class BuilderCommand
{
    private static readonly Option<FileInfo> Config = new("--config", "-c") { Description = "The builder.toml", Required = true };
    private static readonly Option<string[]> Output = new("--output", "-o") { Description = "Where the builder goes: a registry name, oci:DIR[:TAG] or docker:NAME", Required = true };

    public static Command Create()
    {
        var create = new Command("create", "Make a builder image from a builder.toml") { Config, Output };
        GridFlags.AddTo(create);
        create.SetAction(RunAsync);
        return new Command("builder", "Work with builder images") { create };
    }

    private static async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        try
        {
            var config = parsed.GetValue(Config)!;
            if (!config.Exists)
                throw new LifecycleException(ExitCode.InvalidArgs, $"there is no file {config.FullName}");
            var targets = parsed.GetValue(Output)!.Select(ImageLocation.Parse).ToList();
            await using var tools = ImageTools.Create(GridFlags.Read(parsed));
            var image = await tools.Builders.CreateAsync(config.FullName, cancellationToken);
            foreach (var target in targets)
                Console.WriteLine($"Builder {await tools.Images.PushAsync(image, target, null, cancellationToken)}");
            return 0;
        }
        catch (Exception e) when (UserError.Describe(e) is { } error)
        {
            Console.Error.WriteLine($"grid builder create: {error.Message}");
            return error.ExitCode;
        }
    }
}
