using Grid.Contracts.Steps;
using Grid.Contracts.Work;
using Grid.Dockerfiles.Keys;

namespace Grid.Grains.Machines;

/// <summary>Explains a miss: finds the cached step that is most like the one that has to run, and names the fields in which they differ.</summary>
public static class NearestStep
{
    /// <summary>A value is cut to this length: long enough to tell digests apart, short enough to keep thousands.</summary>
    private const int MaxValue = 40;

    private const int MaxChanged = 8;

    /// <summary>A key's fields as a catalog keeps them. Values that may be confidential are digests already (<see cref="KeyField"/>).</summary>
    public static KeyField[] Shortened(StepKey key) => [.. key.Fields.Select(f => f with { Value = Shortened(f.Value) })];

    /// <summary>Why no entry has the key; null when none is the same instruction or on the same line.</summary>
    /// <param name="entries">What the cache has of the extension, newest first.</param>
    /// <param name="key">The key that was looked for.</param>
    /// <param name="name">Where the step stands.</param>
    public static StepMiss? Explain(IEnumerable<StepCatalogEntry> entries, StepKey key, StepName name)
    {
        var fields = Shortened(key);
        (StepCatalogEntry Entry, List<ChangedField> Changed, int Distance)? nearest = null;
        foreach (var entry in entries)
        {
            if (entry.Fields.Length == 0 || entry.File != name.File || Verb(entry.Text) != Verb(name.Text) || (entry.Line != name.Line && !SameInstruction(entry, fields)))
                continue;
            var changed = Changed(entry.Fields, fields);
            // Of two that differ in as many fields the one on the same line is meant; of those the newest, which comes first.
            var distance = (changed.Count * 2) + (entry.Line == name.Line ? 0 : 1);
            if (nearest is null || distance < nearest.Value.Distance)
                nearest = (entry, changed, distance);
        }
        if (nearest is not var (found, differences, _) || differences.Count == 0)
            return null;
        return new StepMiss
        {
            Reason = Words(differences),
            Changed = [.. differences.Take(MaxChanged)],
            Nearest = found.Key.ToString(),
            NearestBuild = found.BuildKey,
        };
    }

    private static string Words(List<ChangedField> changed)
    {
        // A changed instruction changes what it runs: saying it twice helps nobody.
        var own = changed.Exists(c => c.Name == "instruction") ? changed.Where(c => c.Name != "command").ToList() : changed;
        var first = $"{own[0].Name} {own[0].Change}";
        return own.Count switch
        {
            1 => first,
            2 => $"{first}, {own[1].Name} {own[1].Change}",
            _ => $"{first}, {own[1].Name} {own[1].Change} and {own.Count - 2} more",
        };
    }

    private static List<ChangedField> Changed(KeyField[] before, KeyField[] after)
    {
        var changed = new List<ChangedField>();
        var (old, now) = (Lookup(before), Lookup(after));
        foreach (var name in after.Concat(before).Select(f => f.Name).Distinct(StringComparer.Ordinal))
        {
            var (o, n) = (old.GetValueOrDefault(name), now.GetValueOrDefault(name));
            if (o != n)
                changed.Add(new ChangedField(name, o, n));
        }
        return changed;
    }

    /// <summary>Fields by name; a name that occurs several times has all its values.</summary>
    private static Dictionary<string, string> Lookup(KeyField[] fields) =>
        fields.GroupBy(f => f.Name, StringComparer.Ordinal).ToDictionary(g => g.Key, g => string.Join(' ', g.Select(f => f.Value)), StringComparer.Ordinal);

    private static bool SameInstruction(StepCatalogEntry entry, KeyField[] fields) =>
        entry.Fields.FirstOrDefault(f => f.Name == "instruction")?.Value == fields.FirstOrDefault(f => f.Name == "instruction")?.Value;

    private static string Verb(string text) => text.Split(' ', 2)[0].ToUpperInvariant();

    private static string Shortened(string value) => value.Length <= MaxValue ? value : $"{value[..(MaxValue - 1)]}…";
}
