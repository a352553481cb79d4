using Grid.Contracts.Secrets;
using Grid.Hosting.Configuration;

namespace Grid.Hosting.Serve;

/// <summary>The keys of tenants' secrets on this node.</summary>
internal static class SecretKeyFile
{
    /// <summary>
    /// The keys of the settings or of the file. A node that is a grid of its own makes the file when it is missing; a node of a cluster must not: each would make
    /// another key. Without keys the node does everything but what needs a secret.
    /// </summary>
    /// <exception cref="InvalidDataException">The file does not hold keys.</exception>
    public static SecretKeyRing Read(NodeOptions options)
    {
        if (options.SecretKeys is { } given)
            return given;
        if (!File.Exists(options.SecretKeyFile))
        {
            if (options.Membership != Membership.Localhost)
                return SecretKeyRing.None;
            Create(options.SecretKeyFile);
        }
        try
        {
            return SecretKeyRing.Parse(File.ReadAllText(options.SecretKeyFile));
        }
        catch (FormatException e)
        {
            throw new InvalidDataException($"{options.SecretKeyFile}: {e.Message}", e);
        }
    }

    private static void Create(string file)
    {
        using var stream = new FileStream(file, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite });
        using var writer = new StreamWriter(stream);
        writer.WriteLine(SecretKeyRing.NewEntry("k1"));
    }
}
