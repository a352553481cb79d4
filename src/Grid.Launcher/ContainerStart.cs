using System.Collections;
using System.Text;

namespace Grid.Launcher;

/// <summary>How the container was started: arguments (argv[0] first) and environment, byte for byte.</summary>
internal sealed record ContainerStart(string[] Arguments, IReadOnlyList<string> Environment)
{
    /// <summary>Reads the kernel's record, since .NET would decode it as UTF-8; where /proc is not mounted, .NET's.</summary>
    public static ContainerStart Read()
    {
        var arguments = Fields("/proc/self/cmdline") is { Length: > 0 } raw ? raw : Bytes(System.Environment.GetCommandLineArgs());
        return new ContainerStart(arguments, Fields("/proc/self/environ") ?? Variables());
    }

    public string? Variable(string name)
    {
        foreach (var variable in Environment)
        {
            if (variable.Length > name.Length && variable[name.Length] == '=' && variable.StartsWith(name, StringComparison.Ordinal))
                return variable[(name.Length + 1)..];
        }
        return null;
    }

    public string VariableOr(string name, string otherwise) => Variable(name) is { Length: > 0 } value ? value : otherwise;

    /// <summary>Zero-terminated fields; null when /proc is not mounted or may not be read (a process without a dumpable image).</summary>
    private static string[]? Fields(string path)
    {
        if (!Posix.IsReadable(path) || Posix.ReadFile(path) is not { } text)
            return null;
        return text.Length == 0 ? [] : text[..^1].Split('\0');
    }

    private static string[] Variables()
    {
        var list = new List<string>();
        foreach (DictionaryEntry variable in System.Environment.GetEnvironmentVariables())
            list.Add(variable.Key + "=" + variable.Value);
        return Bytes([.. list]);
    }

    private static string[] Bytes(string[] strings) => Array.ConvertAll(strings, static s => Encoding.Latin1.GetString(Encoding.UTF8.GetBytes(s)));
}
