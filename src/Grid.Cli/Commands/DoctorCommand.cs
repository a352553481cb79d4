using System.CommandLine;
using System.Text.Json;
using System.Text.Encodings.Web;
using Grid.Buildpacks;
using Grid.Hosting.Configuration;
using Grid.Hosting.Doctor;
using Grid.Sandbox.OciRuntime;

namespace Grid.Cli.Commands;

/// <summary><c>grid doctor</c>: what works on this machine, what is missing, and the command that mends it.</summary>
internal static class DoctorCommand
{
    private static readonly JsonSerializerOptions JsonForm = new(JsonSerializerDefaults.Web) { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private static readonly Option<string[]> Registries = new("--registry") { Description = "Registry to knock at: HOST[:PORT]" };
    private static readonly Option<bool> Json = new("--json") { Description = "Findings as JSON on standard output" };

    public static Command Create()
    {
        var command = new Command("doctor", "Say what works on this machine, what is missing, and what mends it") { ServeFlags.Config, Registries, Json };
        ServeFlags.AddTo(command);
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        try
        {
            var options = ServeFlags.Read(parsed);
            // As builds run: crun does not work on some hosts outside.
            if (options.Roles.HasFlag(NodeRoles.Worker) && Environment.IsPrivilegedProcess)
                MountNamespace.EnterPrivate();
            var findings = new List<Finding>();
            await foreach (var finding in NodeDoctor.ExamineAsync(options, parsed.GetValue(Registries) ?? [], cancellationToken))
            {
                findings.Add(finding);
                if (!parsed.GetValue(Json))
                    Show(finding);
            }
            if (parsed.GetValue(Json))
                Console.WriteLine(JsonSerializer.Serialize(findings, JsonForm));
            return findings.Any(f => f.Health == Health.Missing) ? (int)ExitCode.Failed : 0;
        }
        catch (ConfigurationException e)
        {
            foreach (var error in e.Errors)
                Console.Error.WriteLine($"grid doctor: {error}");
            return (int)ExitCode.Failed;
        }
        catch (Exception e) when (UserError.Describe(e) is { } error)
        {
            Console.Error.WriteLine($"grid doctor: {error.Message}");
            return error.ExitCode;
        }
    }

    private static void Show(Finding finding)
    {
        var mark = finding.Health switch { Health.Ok => "ok     ", Health.Advice => "advice ", _ => "MISSING" };
        Console.WriteLine($"{mark} {finding.Name,-20} {finding.Detail}");
        if (finding.Mend is { } mend)
            Console.WriteLine($"        {"",-20} → {mend}");
    }
}
