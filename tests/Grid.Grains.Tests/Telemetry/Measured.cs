using System.Collections.Concurrent;
using System.Diagnostics.Metrics;

namespace Grid.Grains.Tests.Telemetry;

/// <summary>Hears what is measured, as long as it lives. Instruments are the process's: tests that run at the same time are told apart by a tag.</summary>
internal sealed class Measured : IDisposable
{
    private readonly MeterListener _listener = new();
    private readonly ConcurrentQueue<(string Name, double Value, string Tags)> _heard = new();
    private readonly string _of;

    /// <param name="of">Text that must be among a measurement's tags; empty for all.</param>
    public Measured(string of)
    {
        _of = of;
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter.Name.StartsWith("Grid", StringComparison.Ordinal))
                listener.EnableMeasurementEvents(instrument);
        };
        _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Hear(instrument, value, tags));
        _listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Hear(instrument, value, tags));
        _listener.Start();
    }

    /// <summary>All that was heard: <c>name value tag=value …</c>, tags without the one that is listened to.</summary>
    public IReadOnlyList<string> All => [.. _heard.Select(h => FormattableString.Invariant($"{h.Name} {h.Value:0.###} {h.Tags}").Trim())];

    /// <summary>What gauges say now, and nothing else.</summary>
    public IReadOnlyList<string> Gauges()
    {
        _heard.Clear();
        _listener.RecordObservableInstruments();
        return All;
    }

    public void Dispose() => _listener.Dispose();

    private void Hear(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        var all = tags.ToArray();
        if (_of.Length == 0 || all.Any(t => Equals(t.Value, _of)))
            _heard.Enqueue((instrument.Name, value, string.Join(' ', all.Where(t => !Equals(t.Value, _of)).Select(t => $"{t.Key}={t.Value}"))));
    }
}
