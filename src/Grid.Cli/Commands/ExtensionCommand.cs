using System.CommandLine;
using System.Text.Json;
using Grid.Buildpacks;
using Grid.Cli.Progress;
using Grid.Lifecycle.Extend.Linting;
using Grid.Oci.FileSystem;

namespace Grid.Cli.Commands;

/// <summary><c>grid extension validate</c>: looks at an extension before a build does.</summary>
internal static class ExtensionCommand
{
    private static readonly Argument<DirectoryInfo> Directory = new("directory") { Description = "Directory of an extension (extension.toml), or one with build.Dockerfile or run.Dockerfile" };
    private static readonly Option<bool> Json = new("--json") { Description = "One JSON object a finding" };

    public static Command Create()
    {
        var validate = new Command("validate", "Say what a build would refuse, and what its author may not want") { Directory, Json };
        validate.SetAction(Run);
        return new Command("extension", "Work with image extensions") { validate };
    }

    private static int Run(ParseResult parsed)
    {
        try
        {
            var directory = parsed.GetValue(Directory)!;
            if (!directory.Exists)
                throw new LifecycleException(ExitCode.InvalidArgs, $"there is no directory {directory.FullName}");
            var findings = ExtensionLinter.Lint(new RootedDirectory(directory.FullName), "");
            foreach (var finding in findings)
                Console.WriteLine(parsed.GetValue(Json) ? JsonSerializer.Serialize(finding, JsonSerializerOptions.Web) : Words.Printable(finding.ToString()));
            var errors = findings.Count(finding => finding.IsError);
            if (!parsed.GetValue(Json))
                Console.WriteLine($"{errors} {(errors == 1 ? "error" : "errors")}, {findings.Count - errors} {(findings.Count - errors == 1 ? "warning" : "warnings")}");
            return errors == 0 ? 0 : (int)ExitCode.GenerateError;
        }
        catch (Exception e) when (UserError.Describe(e) is { } error)
        {
            Console.Error.WriteLine($"grid extension validate: {error.Message}");
            return error.ExitCode;
        }
    }
}
