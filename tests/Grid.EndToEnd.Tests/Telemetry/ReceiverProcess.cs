using System.Diagnostics;
using Grid.EndToEnd.Tests.Fixtures;

namespace Grid.EndToEnd.Tests.Telemetry;

/// <summary>A receiver of OTLP as a process of its own (tests/servers/OtlpReceiver), which stores what it gets in a directory.</summary>
public sealed class ReceiverProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly string _directory;

    private ReceiverProcess(Process process, string directory, IReadOnlyDictionary<string, string> endpoints) => (_process, _directory, Endpoints) = (process, directory, endpoints);

    /// <summary>Where it listens, by protocol: <c>grpc</c> and <c>http/protobuf</c>.</summary>
    public IReadOnlyDictionary<string, string> Endpoints { get; }

    public IReadOnlyList<Span> Spans => [.. Of("traces").SelectMany(Otlp.Spans)];

    public IReadOnlyList<MetricPoint> Metrics => [.. Of("metrics").SelectMany(Otlp.Metrics)];

    public IReadOnlyList<LogLine> Logs => [.. Of("logs").SelectMany(Otlp.Logs)];

    /// <summary>Every byte that came.</summary>
    public IEnumerable<byte[]> Bodies => Of("*");

    public static async Task<ReceiverProcess> StartAsync(string directory)
    {
        Directory.CreateDirectory(directory);
        var own = new DirectoryInfo(AppContext.BaseDirectory);
        var program = Path.Combine(own.Parent!.Parent!.FullName, "OtlpReceiver", own.Name, "OtlpReceiver");
        var process = Tool.Start(program, [directory], new Dictionary<string, string?>());
        var endpoints = new Dictionary<string, string>(StringComparer.Ordinal);
        while (endpoints.Count < 2)
        {
            var line = await process.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken)
                ?? throw new InvalidOperationException("the receiver ended: " + await process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken));
            endpoints[line.Split(' ')[0]] = line.Split(' ')[1];
        }
        return new ReceiverProcess(process, directory, endpoints);
    }

    public async ValueTask DisposeAsync()
    {
        _process.Kill(entireProcessTree: true);
        await _process.WaitForExitAsync();
        _process.Dispose();
    }

    private IEnumerable<byte[]> Of(string signal) => Directory.GetFiles(_directory, $"*.{signal}.pb").Order(StringComparer.Ordinal).Select(File.ReadAllBytes);
}
