using System.Diagnostics.Metrics;
using System.Reflection;
using System.Runtime.CompilerServices;

namespace Grid.Hosting.Tests.Telemetry;

/// <summary>docs/telemetry.md has each metric of the code, and no other.</summary>
public sealed class MetricsPageTests
{
    [Fact]
    public void Page_Metrics_AreThoseOfTheCode()
    {
        var page = File.ReadLines(Path.Combine(Root(), "docs", "telemetry.md")).Where(l => l.StartsWith("| `grid.", StringComparison.Ordinal))
            .Select(l => l.Split('|', StringSplitOptions.TrimEntries)).Select(c => $"{c[1].Trim('`')} | {c[2]} | {c[3].Trim('`')} | {c[5]}").ToList();

        page.Order(StringComparer.Ordinal).ShouldBe(Instruments().Select(i => $"{i.Name} | {KindOf(i)} | {i.Unit} | {i.Description}").Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Names_AreWordsWithDots_AndUnitsOfUcum() => Instruments().ShouldAllBe(i => i.Name.StartsWith("grid.", StringComparison.Ordinal)
        && i.Name.All(c => char.IsAsciiLetterLower(c) || c == '.' || c == '_') && (i.Unit == "s" || i.Unit == "By" || (i.Unit!.StartsWith('{') && i.Unit.EndsWith('}'))));

    /// <summary>All that the product's assemblies keep in static fields, which is where instruments are.</summary>
    internal static IReadOnlyList<Instrument> Instruments()
    {
        var found = new List<Instrument>();
        foreach (var type in Directory.GetFiles(AppContext.BaseDirectory, "Grid.*.dll").Where(f => !f.EndsWith(".Tests.dll", StringComparison.Ordinal))
            .Select(Assembly.LoadFrom).SelectMany(a => a.GetTypes()).Where(t => !t.ContainsGenericParameters))
        {
            foreach (var field in type.GetFields(BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic).Where(f => f.FieldType.IsAssignableTo(typeof(Instrument))))
            {
                RuntimeHelpers.RunClassConstructor(type.TypeHandle);
                found.Add((Instrument)field.GetValue(null)!);
            }
        }
        found.Count.ShouldBeGreaterThan(20);
        return found;
    }

    private static string KindOf(Instrument instrument) => instrument.GetType().Name.Split('`')[0] switch
    {
        "Histogram" => "histogram",
        "Counter" => "counter",
        "UpDownCounter" => "up-down counter",
        "Gauge" or "ObservableGauge" => "gauge",
        var other => other,
    };

    private static string Root()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (directory is not null && !File.Exists(Path.Combine(directory.FullName, "Grid.sln")))
            directory = directory.Parent;
        return directory?.FullName ?? throw new InvalidOperationException($"{AppContext.BaseDirectory} is not inside a checkout of Grid");
    }
}
