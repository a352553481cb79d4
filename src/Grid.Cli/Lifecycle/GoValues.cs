using System.Globalization;

namespace Grid.Cli.Lifecycle;

/// <summary>Values as Go's flag package reads them; platforms were written against it. Null for what it refuses.</summary>
internal static class GoValues
{
    /// <summary>strconv.ParseBool.</summary>
    public static bool? Boolean(string text) => text switch
    {
        "1" or "t" or "T" or "true" or "TRUE" or "True" => true,
        "0" or "f" or "F" or "false" or "FALSE" or "False" => false,
        _ => null,
    };

    /// <summary>strconv.ParseInt with base 0: decimal, 0x, 0o, 0 and 0b prefixes.</summary>
    public static int? Integer(string text)
    {
        var digits = text.TrimStart('+', '-');
        if (text.Length - digits.Length > 1)
            return null;
        var (radix, rest) = digits switch
        {
            ['0', 'x' or 'X', .. var hex] => (16, hex),
            ['0', 'b' or 'B', .. var binary] => (2, binary),
            ['0', 'o' or 'O', .. var octal] => (8, octal),
            ['0', _, ..] => (8, digits[1..]),
            _ => (10, digits),
        };
        if (rest.Length == 0)
            return null;
        long value = 0;
        foreach (var c in rest)
        {
            if (!int.TryParse([c], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var digit) || digit >= radix)
                return null;
            value = value * radix + digit;
            if (value > int.MaxValue)
                return null;
        }
        return (int)(text.StartsWith('-') ? -value : value);
    }

    /// <summary>time.ParseDuration: <c>336h</c>, <c>1h30m</c>, <c>1.5s</c>.</summary>
    public static TimeSpan? Duration(string text)
    {
        var rest = text.TrimStart('+', '-');
        if (text.Length - rest.Length > 1 || rest.Length == 0)
            return null;
        if (rest == "0")
            return TimeSpan.Zero;
        double seconds = 0;
        while (rest.Length > 0)
        {
            var number = string.Concat(rest.TakeWhile(IsNumber));
            var unit = string.Concat(rest.Skip(number.Length).TakeWhile(c => !IsNumber(c)));
            rest = rest[(number.Length + unit.Length)..];
            if (!double.TryParse(number, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var value) || UnitSeconds(unit) is not { } factor)
                return null;
            seconds += value * factor;
        }
        if (seconds > TimeSpan.MaxValue.TotalSeconds)
            return null;
        return TimeSpan.FromSeconds(text.StartsWith('-') ? -seconds : seconds);
    }

    private static bool IsNumber(char c) => char.IsAsciiDigit(c) || c == '.';

    private static double? UnitSeconds(string unit) => unit switch
    {
        "ns" => 1e-9,
        "us" or "µs" or "μs" => 1e-6,
        "ms" => 1e-3,
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => null,
    };
}
