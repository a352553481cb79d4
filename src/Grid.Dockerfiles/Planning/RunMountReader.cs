using System.Globalization;
using System.Text;

namespace Grid.Dockerfiles.Planning;

/// <summary>
/// Reads <c>--mount=key=value,…</c>. Only the keys of the documentation are taken: anything else (propagation and other mount(8) options)
/// is refused, not passed on. Throws <see cref="FormatException"/>.
/// </summary>
/// <param name="workingDirectory">What relative targets are below.</param>
/// <param name="expand">Gives the value of a key, as it is written, with its variables replaced.</param>
internal sealed class RunMountReader(string workingDirectory, Func<string, string, string> expand)
{
    private readonly record struct Field(string Key, string? Value);

    /// <summary>Throws for a mount that is wrong whatever its variables are.</summary>
    public static void Check(string text)
    {
        // Which keys there may be depends on the type.
        if (!Csv(text).Any(field => field.TrimStart().StartsWith("type", StringComparison.OrdinalIgnoreCase) && field.Contains('$')))
            new RunMountReader("/", Possible).Read(text);
    }

    public RunMount Read(string text)
    {
        var fields = Fields(text);
        var kind = Kind(fields);
        var mount = new RunMount(kind, "") { ReadOnly = kind is RunMountKind.Bind or RunMountKind.Secret };
        foreach (var field in fields)
            mount = Apply(mount, field);
        return Complete(mount);
    }

    private List<Field> Fields(string text)
    {
        var fields = new List<Field>();
        foreach (var part in Csv(text))
        {
            var equals = part.IndexOf('=');
            var key = (equals < 0 ? part : part[..equals]).Trim().ToLowerInvariant();
            fields.Add(new Field(Canonical(key), equals < 0 ? null : expand(Canonical(key), part[(equals + 1)..])));
        }
        return fields;
    }

    private static string Canonical(string key) => key switch
    {
        "src" => "source",
        "dst" or "destination" => "target",
        "ro" => "readonly",
        "rw" => "readwrite",
        _ => key,
    };

    /// <summary>A value as it is, or one that a value with variables could become.</summary>
    private static string Possible(string key, string value) => !value.Contains('$') ? value : key switch
    {
        "source" or "target" or "id" => "/variable",
        "mode" or "uid" or "gid" or "size" => "1",
        "sharing" => "shared",
        "env" => "VARIABLE",
        _ => "true",
    };

    private static RunMountKind Kind(List<Field> fields) => fields.LastOrDefault(field => field.Key == "type").Value?.ToLowerInvariant() switch
    {
        null or "bind" => RunMountKind.Bind,
        "cache" => RunMountKind.Cache,
        "tmpfs" => RunMountKind.Tmpfs,
        "secret" => RunMountKind.Secret,
        "ssh" => throw new FormatException("mount type \"ssh\" is not supported by the grid; give the key as a secret"),
        var other => throw new FormatException($"unsupported mount type \"{other}\"; use bind, cache, tmpfs or secret"),
    };

    private static RunMount Apply(RunMount mount, Field field) => field.Key switch
    {
        "type" => mount,
        "target" => mount with { Target = Value(field) },
        "source" when mount.Kind is RunMountKind.Bind => mount with { Source = Value(field) },
        "source" or "id" when mount.Kind is RunMountKind.Secret => mount with { Id = mount.Id.Length == 0 ? Value(field) : throw new FormatException("both source and id can't be set") },
        "id" when mount.Kind is RunMountKind.Cache => mount with { Id = Value(field) },
        "readonly" => mount with { ReadOnly = Boolean(field) },
        "readwrite" when mount.Kind is not RunMountKind.Secret => mount with { ReadOnly = !Boolean(field) },
        "sharing" when mount.Kind is RunMountKind.Cache => mount with { Sharing = Sharing(Value(field)) },
        "size" when mount.Kind is RunMountKind.Tmpfs => mount with { SizeBytes = Bytes(Value(field)) },
        "required" when mount.Kind is RunMountKind.Secret => mount with { Required = Boolean(field) },
        "env" when mount.Kind is RunMountKind.Secret => mount with { Variable = VariableName(Value(field)) },
        "mode" when Owned(mount) => mount with { Mode = Octal(Value(field)) },
        "uid" when Owned(mount) => mount with { UserId = Id(field) },
        "gid" when Owned(mount) => mount with { GroupId = Id(field) },
        "from" => throw new FormatException("a mount from another image or stage is not permitted: an extension has one FROM; put the files into the context"),
        _ => throw new FormatException($"unexpected key '{field.Key}' for mount type '{mount.Kind.ToString().ToLowerInvariant()}'"),
    };

    private RunMount Complete(RunMount mount)
    {
        if (mount.Kind is RunMountKind.Secret)
            return CompleteSecret(mount);
        if (mount.Target.Length == 0)
            throw new FormatException("a mount needs a target; add target=PATH");
        var target = Target(mount.Target);
        return mount.Kind switch
        {
            RunMountKind.Bind => mount with { Target = target, Source = ImagePath.Normalize("/", mount.Source) },
            RunMountKind.Cache => mount with { Target = target, Id = mount.Id.Length == 0 ? target : mount.Id },
            _ => mount with { Target = target },
        };
    }

    private RunMount CompleteSecret(RunMount mount)
    {
        var id = mount.Id.Length > 0 ? mount.Id : ImagePath.Name(mount.Target);
        if (id.Length == 0)
            throw new FormatException("invalid secret mount. one of source, target required; add id=NAME");
        // With env= alone the secret is only a variable.
        if (mount.Target.Length == 0 && mount.Variable is not null)
            return mount with { Id = id };
        return mount with { Id = id, Target = Target(mount.Target.Length > 0 ? mount.Target : "/run/secrets/" + ImagePath.Name(id)) };
    }

    private string Target(string path)
    {
        if (path.Contains('\0'))
            throw new FormatException("a mount target has a NUL character in it");
        var target = ImagePath.Normalize(workingDirectory, path);
        return target != "/" ? target : throw new FormatException("invalid mount target \"/\"; name a directory below the root");
    }

    private static bool Owned(RunMount mount) => mount.Kind is RunMountKind.Cache or RunMountKind.Secret;

    private static string Value(Field field) => field.Value ?? throw new FormatException($"invalid field '{field.Key}' must be a key=value pair");

    private static bool Boolean(Field field) => field.Value?.ToLowerInvariant() switch
    {
        null or "true" or "1" or "t" => true,
        "false" or "0" or "f" => false,
        var other => throw new FormatException($"invalid value for {field.Key}: {other}; write true or false"),
    };

    private static CacheSharing Sharing(string value) => value.ToLowerInvariant() switch
    {
        "shared" => CacheSharing.Shared,
        "private" => CacheSharing.Private,
        "locked" => CacheSharing.Locked,
        _ => throw new FormatException($"unsupported sharing value \"{value}\"; use shared, private or locked"),
    };

    private static string VariableName(string value) => value.Length > 0 && !value.Contains('=') && !value.Contains('\0')
        ? value
        : throw new FormatException($"'{value}' is not a name for an environment variable");

    private static int Octal(string value) => value.Length is > 0 and <= 5 && value.All(c => c is >= '0' and <= '7') && Convert.ToInt32(value, 8) is <= 0xFFF and var mode
        ? mode
        : throw new FormatException($"invalid value {value} for mode; write an octal number up to 7777");

    private static int Id(Field field) => int.TryParse(Value(field), NumberStyles.None, CultureInfo.InvariantCulture, out var id)
        ? id
        : throw new FormatException($"invalid value {field.Value} for {field.Key}; write a number from 0 to {int.MaxValue}");

    private static long Bytes(string value)
    {
        var digits = value.TakeWhile(char.IsAsciiDigit).Count();
        var shift = value[digits..].ToLowerInvariant() switch
        {
            "" or "b" => 0,
            "k" or "kb" or "kib" => 10,
            "m" or "mb" or "mib" => 20,
            "g" or "gb" or "gib" => 30,
            "t" or "tb" or "tib" => 40,
            _ => -1,
        };
        if (shift < 0 || !long.TryParse(value[..digits], NumberStyles.None, CultureInfo.InvariantCulture, out var number) || number > long.MaxValue >> shift)
            throw new FormatException($"invalid value for size: {value}; write a number of bytes, or one with k, m or g");
        return number << shift;
    }

    // One line of CSV: commas separate, a field in double quotes may hold commas, a doubled quote is one.
    private static List<string> Csv(string text)
    {
        var fields = new List<string>();
        var field = new StringBuilder();
        var quoted = false;
        for (var i = 0; i < text.Length; i++)
        {
            var c = text[i];
            if (c == '"' && quoted && i + 1 < text.Length && text[i + 1] == '"')
                field.Append(text[++i]);
            else if (c == '"')
                quoted = !quoted;
            else if (c == ',' && !quoted)
                Flush(fields, field);
            else
                field.Append(c);
        }
        if (quoted)
            throw new FormatException("failed to parse csv mounts: a quote is not closed");
        Flush(fields, field);
        return fields;
    }

    private static void Flush(List<string> fields, StringBuilder field)
    {
        fields.Add(field.ToString());
        field.Clear();
    }
}
