using System.Text;
using Grid.Oci.FileSystem;
using Tomlyn;
using Tomlyn.Parsing;
using Tomlyn.Syntax;

namespace Grid.Buildpacks.Toml;

/// <summary>
/// Reads TOML v1.0 into tables that know their positions. Everything a buildpack, a user or another tool wrote goes through here: duplicate keys and
/// tables, wrong syntax and hostile nesting end in a <see cref="TomlFormatException"/> with file, line and column.
/// </summary>
public static class TomlFile
{
    /// <summary>The largest file that is read, in bytes: a module writes these, and the reader shares its memory with other builds.</summary>
    public const int MaxBytes = 8 * 1024 * 1024;

    /// <summary>How deep tables and arrays may nest.</summary>
    public const int MaxDepth = 64;

    /// <summary>Parses a document.</summary>
    /// <param name="text">The document.</param>
    /// <param name="fileName">How messages name it.</param>
    /// <exception cref="TomlFormatException">It is not valid TOML.</exception>
    public static TomlTable Parse(string text, string fileName)
    {
        NestingGuard.Check(text, fileName);
        var document = ParseSyntax(text, fileName);
        foreach (var diagnostic in document.Diagnostics)
        {
            if (diagnostic.Kind == DiagnosticMessageKind.Error)
                throw Problem(fileName, diagnostic.Span, diagnostic.Message);
        }
        return new TomlTableReader(fileName).Read(document);
    }

    /// <summary>Reads a file of a tree.</summary>
    /// <exception cref="TomlFormatException">It is not valid TOML, not UTF-8 or larger than <see cref="MaxBytes"/>.</exception>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    public static TomlTable Read(IFileTree files, string path)
    {
        using var stream = files.OpenRead(path);
        using var buffer = new MemoryStream();
        var chunk = new byte[32 * 1024];
        int count;
        while ((count = stream.Read(chunk)) > 0)
        {
            buffer.Write(chunk, 0, count);
            if (buffer.Length > MaxBytes)
                throw new TomlFormatException(path, 1, 1, $"the file is larger than {MaxBytes / 1024 / 1024} MiB");
        }
        return Parse(DecodeUtf8(buffer.GetBuffer().AsSpan(0, (int)buffer.Length), path), path);
    }

    /// <summary>Reads a file of a tree, or gives null when there is none.</summary>
    public static TomlTable? ReadIfExists(IFileTree files, string path) => files.Stat(path) is null ? null : Read(files, path);

    internal static TomlFormatException Problem(string fileName, SourceSpan span, string message) =>
        new(fileName, span.Start.Line + 1, span.Start.Column + 1, message);

    private static DocumentSyntax ParseSyntax(string text, string fileName)
    {
        try
        {
            return SyntaxParser.Parse(text, fileName, validate: true);
        }
        catch (ArgumentOutOfRangeException)
        {
            // The parser puts the character it did not expect into its message, and has none when the file ends inside an escape.
            throw new TomlFormatException(fileName, text.Count(c => c == '\n') + 1, text.Length - text.LastIndexOf('\n'), "the file ends inside an escape of a string");
        }
        catch (TomlException e)
        {
            // Brackets that do not match can get past the guard; the parser has a bound of its own.
            throw new TomlFormatException(fileName, 1, 1, e.Message);
        }
    }

    private static string DecodeUtf8(ReadOnlySpan<byte> bytes, string path)
    {
        if (bytes.StartsWith(Encoding.UTF8.Preamble))
            bytes = bytes[3..];
        if (System.Text.Unicode.Utf8.IsValid(bytes))
            return Encoding.UTF8.GetString(bytes);
        var line = 1;
        foreach (var range in bytes.Split((byte)'\n'))
        {
            if (!System.Text.Unicode.Utf8.IsValid(bytes[range]))
                break;
            line++;
        }
        throw new TomlFormatException(path, line, 1, "the file is not UTF-8");
    }
}
