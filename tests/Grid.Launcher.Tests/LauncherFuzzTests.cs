using System.Text;
using Grid.Fuzzing;
using Grid.Launcher.Toml;

namespace Grid.Launcher.Tests;

/// <summary>What programs in exec.d print and what metadata.toml holds: only <see cref="LaunchException"/> comes out.</summary>
public sealed class LauncherFuzzTests
{
    private static readonly string[] Words =
    [
        "[", "]", "[[", "]]", "{", "}", "=", ".", ",", "\n", "\r\n", "#", "'", "\"", "'''", "\"\"\"", "\\", "\\u00", "\\uD800", "\\U0010FFFF", "é", "\0", "true", "1", "1e9", "0x", "1979-05-27T07:32:00Z", "[[processes]]\n",
        "type = 'web'\n", "command = ['x']\n", "args = []\n", "direct = true\n", "[[buildpacks]]\n", "id = 'a'\n", "api = '0.12'\n", "exec-env = ['*']\n", "A = \"1\"\n",
    ];

    [Fact]
    public void Documents_AnyBytes_ThrowOnlyLaunchException() => Fuzz.Bytes(
        [.. Corpus.Golden(".toml").Select(Encoding.UTF8.GetBytes), "A = \"1\"\nPATH = \"\"\"\nx\"\"\"\n"u8.ToArray()], [.. Words.Select(Encoding.UTF8.GetBytes)],
        bytes =>
        {
            var table = TomlDocument.Parse(Encoding.Latin1.GetString(bytes), "f");
            foreach (var process in table.Tables("processes"))
                LaunchProcess.From(process);
            foreach (var buildpack in table.Tables("buildpacks"))
                LaunchBuildpack.From(buildpack.Text("id") ?? "", buildpack.Text("api") ?? "");
        }, typeof(LaunchException));

    /// <summary>Buildpacks write with any TOML library: what another reader takes, ours takes.</summary>
    [Fact]
    public void Documents_ThatTomlynReads_AreRead() => Fuzz.Text(Corpus.Golden(".toml"), Words, text =>
    {
        // A zero byte ends text for one and not for the other; nobody writes one.
        if (text.Contains('\0') || text.Contains('\uFFFD'))
            return;
        var syntax = Tomlyn.Parsing.SyntaxParser.Parse(text, "f", validate: true);
        if (syntax.HasErrors)
            return;
        TomlDocument.Parse(Encoding.Latin1.GetString(Encoding.UTF8.GetBytes(text)), "f");
    }, typeof(ArgumentOutOfRangeException), typeof(Tomlyn.TomlException));
}
