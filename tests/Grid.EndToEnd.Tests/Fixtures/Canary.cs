using System.IO.Compression;
using System.Text;

namespace Grid.EndToEnd.Tests.Fixtures;

/// <summary>Texts that must be nowhere: found again in bytes as they are, in the usual encodings, and inside gzip.</summary>
public sealed class Canary(params string[] secrets)
{
    private readonly IReadOnlyList<(string Name, byte[] Bytes)> _forms = [.. secrets.SelectMany((secret, n) => Forms(secret).Select(form => ($"secret {n + 1} ({form.Name})", form.Bytes)))];

    /// <summary>Where a text is found in bytes, or null.</summary>
    public string? In(ReadOnlySpan<byte> bytes)
    {
        foreach (var (name, form) in _forms)
        {
            if (bytes.IndexOf(form) >= 0)
                return name;
        }
        return bytes is [0x1f, 0x8b, ..] && Unpacked(bytes) is { } inside ? In(inside) is { } found ? $"{found} in gzip" : null : null;
    }

    public string? In(string text) => In(Encoding.UTF8.GetBytes(text));

    /// <summary>Every file below a directory that has one of the texts in it, or in its name.</summary>
    public IReadOnlyList<string> Below(string directory, params string[] except)
    {
        var found = new List<string>();
        // Others' come and go.
        if (!Directory.Exists(directory))
            return found;
        foreach (var file in Directory.EnumerateFiles(directory, "*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.None }))
        {
            // A link leads to the machine's own files, or back into what is looked through anyway.
            if (except.Contains(file) || new FileInfo(file).LinkTarget is not null)
                continue;
            if (In(file) is { } named)
                found.Add($"{file}: {named} in its name");
            if (Read(file) is { } bytes && In(bytes) is { } what)
                found.Add($"{file}: {what}");
        }
        return found;
    }

    /// <summary>A file's bytes; null when it was removed in between, as logs and lock files are.</summary>
    private static byte[]? Read(string file)
    {
        try
        {
            return File.ReadAllBytes(file);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
    }

    private static IEnumerable<(string Name, byte[] Bytes)> Forms(string secret)
    {
        var bytes = Encoding.UTF8.GetBytes(secret);
        yield return ("as it is", bytes);
        yield return ("hexadecimal", Encoding.ASCII.GetBytes(Convert.ToHexStringLower(bytes)));
        // base64 looks different at each of three places in what surrounds it; the first and last group may hold a neighbour's bits.
        for (var shift = 0; shift < 3; shift++)
        {
            var text = Convert.ToBase64String([.. new byte[shift], .. bytes]);
            yield return ($"base64 at {shift}", Encoding.ASCII.GetBytes(text[(shift == 0 ? 0 : 4)..^4]));
        }
    }

    private static byte[]? Unpacked(ReadOnlySpan<byte> bytes)
    {
        try
        {
            using var gzip = new GZipStream(new MemoryStream(bytes.ToArray()), CompressionMode.Decompress);
            using var inside = new MemoryStream();
            gzip.CopyTo(inside);
            return inside.ToArray();
        }
        catch (InvalidDataException)
        {
            return null;
        }
    }
}
