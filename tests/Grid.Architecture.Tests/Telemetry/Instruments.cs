using System.Diagnostics.Metrics;
using System.Reflection;
using System.Runtime.CompilerServices;

namespace Grid.Architecture.Tests.Telemetry;

/// <summary>
/// The instruments of the product's assemblies: all that they keep in static fields. Loads all of them, which a process with a silo must not do: silos take every
/// assembly they find.
/// </summary>
internal static class Instruments
{
    public static IReadOnlyList<Instrument> All { get; } = Find();

    /// <summary>Names of its series on Prometheus' page: dots are underscores, the unit is part of the name, counters end with <c>_total</c>.</summary>
    public static IEnumerable<string> SeriesOf(Instrument instrument)
    {
        var unit = instrument.Unit switch { "s" => "_seconds", "By" => "_bytes", _ => "" };
        var name = instrument.Name.Replace('.', '_');
        name += name.EndsWith(unit, StringComparison.Ordinal) ? "" : unit;
        return KindOf(instrument) switch
        {
            "histogram" => [name + "_bucket", name + "_sum", name + "_count"],
            "counter" => [name + "_total"],
            _ => [name],
        };
    }

    /// <summary>What kind it is, in the words of docs/telemetry.md.</summary>
    public static string KindOf(Instrument instrument) => instrument.GetType().Name.Split('`')[0] switch
    {
        "Histogram" => "histogram",
        "Counter" => "counter",
        "UpDownCounter" => "up-down counter",
        "Gauge" or "ObservableGauge" => "gauge",
        var other => other,
    };

    private static List<Instrument> Find()
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
        return found;
    }
}
