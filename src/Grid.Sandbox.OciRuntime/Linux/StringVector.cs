using System.Runtime.InteropServices;

namespace Grid.Sandbox.OciRuntime.Linux;

/// <summary>Strings as execve(2) takes them: an array of pointers that ends with a null pointer.</summary>
internal sealed unsafe class StringVector : IDisposable
{
    private readonly int _count;

    public StringVector(IReadOnlyList<string> strings)
    {
        _count = strings.Count;
        Pointers = (byte**)NativeMemory.AllocZeroed((nuint)_count + 1, (nuint)sizeof(byte*));
        for (var i = 0; i < _count; i++)
        {
            var bytes = Libc.Bytes(strings[i]);
            Pointers[i] = (byte*)NativeMemory.Alloc((nuint)bytes.Length);
            bytes.CopyTo(new Span<byte>(Pointers[i], bytes.Length));
        }
    }

    public byte** Pointers { get; }

    public void Dispose()
    {
        for (var i = 0; i < _count; i++)
            NativeMemory.Free(Pointers[i]);
        NativeMemory.Free(Pointers);
    }
}
