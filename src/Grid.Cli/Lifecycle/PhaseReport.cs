using System.Text;
using Grid.Oci.FileSystem;

namespace Grid.Cli.Lifecycle;

/// <summary>Writes report.toml, the last thing that exporter and rebaser do.</summary>
internal static class PhaseReport
{
    private const int FileMode = 0x1A4; // 0644

    /// <summary>Writes the file; root gives it to the user of the build. A link that a buildpack put there is replaced, not followed.</summary>
    public static void Write(PhaseInputs inputs, string text)
    {
        var path = inputs.Get(PhaseFlags.Report);
        if (InPlace.Files.Stat(path, followLinks: false) is { IsDirectory: false })
            InPlace.Files.Delete(path);
        InPlace.Files.CreateDirectory(Path.GetDirectoryName(path) ?? "/", 0x1ED);
        InPlace.Files.WriteFile(path, Encoding.UTF8.GetBytes(text), FileMode, Owner(inputs));
    }

    /// <summary>Who is to own what a phase writes as root; null when we are not root or nobody said.</summary>
    public static Owner? Owner(PhaseInputs inputs)
    {
        var (user, group) = (inputs.Get(PhaseFlags.UserId), inputs.Get(PhaseFlags.GroupId));
        return InPlace.User().UserId == 0 && user > 0 ? new Owner(user, group) : null;
    }
}
