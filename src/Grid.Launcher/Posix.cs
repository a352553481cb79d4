using System.Runtime.InteropServices;
using System.Text;

namespace Grid.Launcher;

/// <summary>
/// The calls into libc. Every string of the launcher holds one byte per char (Latin-1): names, arguments and values are bytes on Linux and
/// reach the process exactly as they came, whatever encoding they are in.
/// </summary>
internal static unsafe partial class Posix
{
    public const int NoEntry = 2;
    public const int NotDirectory = 20;
    private const int Interrupted = 4;
    private const int ExecuteOk = 1;
    private const int ReadOk = 4;
    private const int BrokenPipe = 13;
    private const int CloseOnExec = 0x80000;
    private const int UnknownType = 0;
    private const int DirectoryType = 4;

    // struct dirent of 64-bit Linux: d_ino(8) d_off(8) d_reclen(2) d_type(1) d_name.
    private const int EntryType = 18;
    private const int EntryName = 19;

    /// <summary>One name in a directory; a link to a directory is not a directory.</summary>
    public readonly record struct Entry(string Name, bool IsDirectory);

    /// <summary>A program that ended: its exit code, or the signal that killed it.</summary>
    public readonly record struct ProgramExit(int Code, int Signal);

    /// <summary>The whole file, or null when it does not exist.</summary>
    public static string? ReadFile(string path)
    {
        var file = open(Terminated(path), CloseOnExec);
        if (file < 0)
        {
            var error = Marshal.GetLastPInvokeError();
            return error is NoEntry or NotDirectory ? null : throw Failed("read " + path, error);
        }
        try
        {
            return ReadToEnd(file, path);
        }
        finally
        {
            _ = close(file);
        }
    }

    /// <summary>The names in a directory in byte order, without "." and ".."; empty when it does not exist.</summary>
    public static List<Entry> List(string directory)
    {
        var entries = new List<Entry>();
        var handle = opendir(Terminated(directory));
        if (handle == 0)
        {
            var error = Marshal.GetLastPInvokeError();
            return error is NoEntry or NotDirectory ? entries : throw Failed("list " + directory, error);
        }
        for (byte* entry; (entry = readdir(handle)) is not null;)
        {
            var name = Text(entry + EntryName);
            if (name is "." or "..")
                continue;
            var type = entry[EntryType];
            entries.Add(new Entry(name, type == DirectoryType || (type == UnknownType && IsPlainDirectory(directory + "/" + name))));
        }
        _ = closedir(handle);
        entries.Sort(static (a, b) => string.CompareOrdinal(a.Name, b.Name));
        return entries;
    }

    /// <summary>Whether the path is a directory, links followed.</summary>
    public static bool IsDirectory(string path)
    {
        var handle = opendir(Terminated(path));
        if (handle == 0)
            return Marshal.GetLastPInvokeError() is not (NoEntry or NotDirectory) && access(Terminated(path + "/."), 0) == 0;
        _ = closedir(handle);
        return true;
    }

    public static bool Exists(string path) => access(Terminated(path), 0) == 0;

    public static bool IsReadable(string path) => access(Terminated(path), ReadOk) == 0;

    public static bool IsExecutableFile(string path) => access(Terminated(path), ExecuteOk) == 0 && !IsDirectory(path);

    public static void ChangeDirectory(string path)
    {
        if (chdir(Terminated(path)) != 0)
            throw Failed("change to directory " + path, Marshal.GetLastPInvokeError());
    }

    /// <summary>.NET's start ignores SIGPIPE, and an ignored signal stays ignored over execve: the app must find the default.</summary>
    public static void RestoreSignals() => _ = signal(BrokenPipe, 0);

    public static void SetUmask(uint mask) => _ = umask(mask);

    /// <summary>The working directory, for what is relative to it.</summary>
    public static string CurrentDirectory()
    {
        var buffer = stackalloc byte[4096];
        return getcwd(buffer, 4096) is null ? throw Failed("find the working directory", Marshal.GetLastPInvokeError()) : Text(buffer);
    }

    /// <summary>Becomes the program. Comes back only by throwing.</summary>
    public static void Execute(string program, IReadOnlyList<string> arguments, IReadOnlyList<string> environment)
    {
        using var argv = new StringVector(arguments);
        using var envp = new StringVector(environment);
        _ = execve(Terminated(program), argv.Pointer, envp.Pointer);
        throw Failed("start " + program, Marshal.GetLastPInvokeError());
    }

    /// <summary>
    /// Runs a program to its end with a pipe as descriptor 3 and gives back what it wrote there. Standard streams are inherited.
    /// </summary>
    public static string Capture(string program, IReadOnlyList<string> environment, out ProgramExit exit)
    {
        var ends = stackalloc int[2];
        if (pipe2(ends, CloseOnExec) != 0)
            throw Failed("make a pipe", Marshal.GetLastPInvokeError());
        try
        {
            var child = Spawn(program, environment, ends[1]);
            _ = close(ends[1]);
            ends[1] = -1;
            var written = ReadToEnd(ends[0], "the output of " + program);
            exit = Wait(child, program);
            return written;
        }
        finally
        {
            _ = close(ends[0]);
            if (ends[1] >= 0)
                _ = close(ends[1]);
        }
    }

    /// <summary>Writes all bytes to a descriptor; a closed one is ignored, since there is nowhere left to say so.</summary>
    public static void Write(int descriptor, string text)
    {
        var bytes = Encoding.Latin1.GetBytes(text);
        fixed (byte* start = bytes)
        {
            for (nint done = 0; done < bytes.Length;)
            {
                var count = write(descriptor, start + done, bytes.Length - done);
                if (count < 0 && Marshal.GetLastPInvokeError() == Interrupted)
                    continue;
                if (count <= 0)
                    return;
                done += count;
            }
        }
    }

    private static int Spawn(string program, IReadOnlyList<string> environment, int descriptor)
    {
        using var argv = new StringVector([program]);
        using var envp = new StringVector(environment);
        // posix_spawn_file_actions_t is 80 bytes in glibc.
        var actions = stackalloc byte[256];
        _ = posix_spawn_file_actions_init(actions);
        _ = posix_spawn_file_actions_adddup2(actions, descriptor, 3);
        int child;
        var error = posix_spawn(&child, Terminated(program), actions, null, argv.Pointer, envp.Pointer);
        _ = posix_spawn_file_actions_destroy(actions);
        return error == 0 ? child : throw Failed("start " + program, error);
    }

    private static ProgramExit Wait(int child, string program)
    {
        int status;
        while (waitpid(child, &status, 0) < 0)
        {
            var error = Marshal.GetLastPInvokeError();
            if (error != Interrupted)
                throw Failed("wait for " + program, error);
        }
        return new ProgramExit((status >> 8) & 0xff, status & 0x7f);
    }

    private static string ReadToEnd(int file, string what)
    {
        var text = new StringBuilder();
        var buffer = stackalloc byte[4096];
        while (true)
        {
            var count = read(file, buffer, 4096);
            if (count == 0)
                return text.ToString();
            if (count > 0)
            {
                text.Append(Encoding.Latin1.GetString(buffer, (int)count));
                continue;
            }
            var error = Marshal.GetLastPInvokeError();
            if (error != Interrupted)
                throw Failed("read " + what, error);
        }
    }

    private static bool IsPlainDirectory(string path)
    {
        byte probe;
        return readlink(Terminated(path), &probe, 1) < 0 && IsDirectory(path);
    }

    private static string Text(byte* terminated) =>
        Encoding.Latin1.GetString(MemoryMarshal.CreateReadOnlySpanFromNullTerminated(terminated));

    private static byte[] Terminated(string text)
    {
        if (text.Contains('\0'))
            throw new LaunchException($"'{text.Replace("\0", "\\0")}' holds a zero byte, which no name or argument can");
        var bytes = new byte[text.Length + 1];
        Encoding.Latin1.GetBytes(text, bytes);
        return bytes;
    }

    private static LaunchException Failed(string doing, int error) =>
        new($"cannot {doing}: {Text(strerror(error))}");

    /// <summary>A zero-terminated array of zero-terminated strings, as execve wants it.</summary>
    private readonly ref struct StringVector
    {
        public readonly byte** Pointer;

        public StringVector(IReadOnlyList<string> strings)
        {
            Pointer = (byte**)NativeMemory.AllocZeroed((nuint)strings.Count + 1, (nuint)sizeof(byte*));
            for (var i = 0; i < strings.Count; i++)
            {
                var bytes = Terminated(strings[i]);
                Pointer[i] = (byte*)NativeMemory.Alloc((nuint)bytes.Length);
                bytes.CopyTo(new Span<byte>(Pointer[i], bytes.Length));
            }
        }

        public void Dispose()
        {
            for (var i = 0; Pointer[i] is not null; i++)
                NativeMemory.Free(Pointer[i]);
            NativeMemory.Free(Pointer);
        }
    }
}
