namespace Grid.Dockerfiles.Planning;

/// <summary>
/// What <c>--chmod</c> does to a mode: an octal number replaces it, symbolic clauses (<c>u=rwX,go=rX</c>) change it as chmod(1) does, without a umask.
/// </summary>
/// <param name="Text">As written, after expansion.</param>
public sealed record ModeChange(string Text)
{
    private const int Execute = 0b001_001_001, Sticky = 0b001_000_000_000, SetUid = 0b100_000_000_000, SetGid = 0b010_000_000_000;

    /// <summary>Reads it; throws <see cref="FormatException"/>.</summary>
    public static ModeChange Parse(string text)
    {
        var change = new ModeChange(text);
        if (text.Length == 0 || text.Length > 64 || (IsOctal(text) && (text.Length > 6 || Convert.ToInt32(text, 8) > 0xFFF)))
            throw Invalid(text);
        change.Apply(0, isDirectory: false);
        return change;
    }

    /// <summary>The mode a file has after it.</summary>
    public int Apply(int mode, bool isDirectory)
    {
        if (IsOctal(Text))
            return Convert.ToInt32(Text, 8);
        foreach (var clause in Text.Split(','))
            mode = Clause(clause, mode, isDirectory);
        return mode;
    }

    private int Clause(string clause, int mode, bool isDirectory)
    {
        var who = clause.TakeWhile(c => c is 'u' or 'g' or 'o' or 'a').ToArray();
        var at = who.Length;
        if (at == clause.Length)
            throw Invalid(Text);
        var all = who.Length == 0 || who.Contains('a');
        var mask = (all || who.Contains('u') ? 0b111_000_000 : 0) | (all || who.Contains('g') ? 0b000_111_000 : 0) | (all || who.Contains('o') ? 0b111 : 0);
        while (at < clause.Length)
        {
            var operation = clause[at] is '+' or '-' or '=' ? clause[at++] : throw Invalid(Text);
            var bits = 0;
            for (; at < clause.Length && clause[at] is not ('+' or '-' or '='); at++)
                bits |= Bits(clause[at], mode, mask, all, isDirectory);
            mode = operation switch
            {
                '+' => mode | bits,
                '-' => mode & ~bits,
                // chmod(1): a directory keeps set-id bits that are not named.
                _ => (mode & ~(mask | (isDirectory ? 0 : Special(mask)))) | bits,
            };
        }
        return mode;
    }

    private int Bits(char permission, int mode, int mask, bool all, bool isDirectory) => permission switch
    {
        'r' => 0b100_100_100 & mask,
        'w' => 0b010_010_010 & mask,
        'x' => Execute & mask,
        'X' => isDirectory || (mode & Execute) != 0 ? Execute & mask : 0,
        's' => Special(mask),
        't' => all || (mask & 0b111) != 0 ? Sticky : 0,
        'u' => Copied(mode >> 6) & mask,
        'g' => Copied(mode >> 3) & mask,
        'o' => Copied(mode) & mask,
        _ => throw Invalid(Text),
    };

    private static int Special(int mask) => ((mask & 0b111_000_000) != 0 ? SetUid : 0) | ((mask & 0b111_000) != 0 ? SetGid : 0);

    private static int Copied(int bits) => (bits & 0b111) * Execute;

    private static bool IsOctal(string text) => text.All(c => c is >= '0' and <= '7');

    private static FormatException Invalid(string text) =>
        new($"invalid chmod parameter: '{text}'. it should be octal string and between 0 and 07777, or symbolic as in u=rwX,go=rX");
}
