using System.ComponentModel;
using System.Diagnostics;
using System.Text.Json;
using Grid.Oci.Images;

namespace Grid.Oci.Registry;

/// <summary>Runs <c>docker-credential-NAME get</c> (docker's credential helper protocol). What a helper prints is never shown: it may be a secret.</summary>
internal static class CredentialHelper
{
    private const int MaxOutput = 1 << 20;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>The credentials, or null when the helper has none for this registry.</summary>
    public static async Task<RegistryCredential?> GetAsync(string name, string registry, CancellationToken cancellationToken)
    {
        if (name.Length == 0 || name.Any(c => !char.IsAsciiLetterOrDigit(c) && c is not ('-' or '_' or '.')))
            throw new ImageAccessException($"'{name}' is not a name for a docker credential helper; check ~/.docker/config.json");
        var program = "docker-credential-" + name;
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        timeout.CancelAfter(Patience);
        using var process = new Process { StartInfo = StartInfo(program) };
        try
        {
            process.Start();
            return await TalkAsync(process, program, registry, timeout.Token);
        }
        catch (Win32Exception e)
        {
            throw new ImageAccessException(
                $"the credential helper {program} for {registry} cannot be run ({e.Message}); install it, or take it out of ~/.docker/config.json", null, e);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new ImageAccessException(
                $"the credential helper {program} gave no answer for {registry} within {Patience.TotalSeconds:0} s");
        }
    }

    private static ProcessStartInfo StartInfo(string program) => new(program, ["get"])
    {
        UseShellExecute = false,
        RedirectStandardInput = true,
        RedirectStandardOutput = true,
        RedirectStandardError = true,
    };

    private static async Task<RegistryCredential?> TalkAsync(
        Process process, string program, string registry, CancellationToken cancellationToken)
    {
        try
        {
            var errors = process.StandardError.BaseStream.CopyToAsync(Stream.Null, cancellationToken);
            await WriteAsync(process, registry, cancellationToken);
            var output = new byte[MaxOutput];
            var length = await process.StandardOutput.BaseStream.ReadAtLeastAsync(
                output, MaxOutput, throwOnEndOfStream: false, cancellationToken);
            await errors;
            await process.WaitForExitAsync(cancellationToken);
            return process.ExitCode == 0
                ? Read(output.AsMemory(0, length), program, registry)
                : NotFound(output.AsSpan(0, length), process.ExitCode, program, registry);
        }
        catch
        {
            process.Kill(entireProcessTree: true);
            throw;
        }
    }

    private static async Task WriteAsync(Process process, string registry, CancellationToken cancellationToken)
    {
        try
        {
            await process.StandardInput.WriteAsync((registry + "\n").AsMemory(), cancellationToken);
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It ended without reading; its exit code and output say why.
        }
    }

    private static RegistryCredential? Read(ReadOnlyMemory<byte> output, string program, string registry)
    {
        try
        {
            using var json = JsonDocument.Parse(output);
            var user = json.RootElement.GetProperty("Username").GetString();
            var secret = json.RootElement.GetProperty("Secret").GetString();
            if (string.IsNullOrEmpty(user) || string.IsNullOrEmpty(secret))
                return null;
            return user == "<token>" ? RegistryCredential.Identity(secret) : RegistryCredential.Basic(user, secret);
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            // No inner exception: its message can quote the output.
            throw new ImageAccessException(
                $"the credential helper {program} did not answer with credentials for {registry} (want JSON with Username and Secret)");
        }
    }

    private static RegistryCredential? NotFound(ReadOnlySpan<byte> output, int exitCode, string program, string registry) =>
        System.Text.Encoding.UTF8.GetString(output).Contains("credentials not found", StringComparison.OrdinalIgnoreCase)
            ? null
            : throw new ImageAccessException(
                $"the credential helper {program} failed for {registry} with exit code {exitCode}; run it by hand to see why");
}
