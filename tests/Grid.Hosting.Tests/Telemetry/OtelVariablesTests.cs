using System.Collections;
using Grid.Hosting.Telemetry;

namespace Grid.Hosting.Tests.Telemetry;

/// <summary>What is sent, by the standard variables and a node's settings.</summary>
public sealed class OtelVariablesTests
{
    [Theory]
    [InlineData("", Signals.None)]
    [InlineData("OTEL_EXPORTER_OTLP_ENDPOINT=", Signals.None)]
    [InlineData("OTEL_EXPORTER_OTLP_ENDPOINT=http://c:4317", Signals.All)]
    [InlineData("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://c:4317", Signals.Traces)]
    [InlineData("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT=http://c:4317", Signals.Metrics)]
    [InlineData("OTEL_EXPORTER_OTLP_ENDPOINT=http://c:4317 OTEL_TRACES_EXPORTER=none", Signals.Metrics | Signals.Logs)]
    [InlineData("OTEL_EXPORTER_OTLP_ENDPOINT=http://c:4317 OTEL_METRICS_EXPORTER=otlp,prometheus OTEL_LOGS_EXPORTER=none", Signals.Traces | Signals.Metrics)]
    [InlineData("OTEL_EXPORTER_OTLP_ENDPOINT=http://c:4317 OTEL_SDK_DISABLED=true", Signals.None)]
    public void Variables_Decide_WhatIsSent(string variables, Signals sent) => Read(variables, new TelemetryOptions()).Exported.ShouldBe(sent);

    [Fact]
    public void Settings_NameAReceiver_WhereNoVariableDoes()
    {
        var options = new TelemetryOptions { Endpoint = "http://own:4317", Protocol = "grpc", Headers = "a=b", Signals = Signals.Traces | Signals.Logs };

        var alone = Read("", options);
        alone.Exported.ShouldBe(Signals.Traces | Signals.Logs);
        alone.All.ShouldContain(new KeyValuePair<string, string?>("OTEL_EXPORTER_OTLP_ENDPOINT", "http://own:4317"));
        alone.All.ShouldContain(new KeyValuePair<string, string?>("OTEL_EXPORTER_OTLP_HEADERS", "a=b"));
        Read("OTEL_EXPORTER_OTLP_ENDPOINT=http://c:4317", options).All.ShouldContain(new KeyValuePair<string, string?>("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4317"));
    }

    [Fact]
    public void Variables_OfOthers_AreNotTaken() => Read("GRID_AZURE_CONNECTION=secret OTEL_SERVICE_NAME=mine", new TelemetryOptions()).All.Select(v => v.Key).ShouldBe(["OTEL_SERVICE_NAME"]);

    private static OtelVariables Read(string variables, TelemetryOptions options)
    {
        var table = new Hashtable();
        foreach (var variable in variables.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            table[variable[..variable.IndexOf('=')]] = variable[(variable.IndexOf('=') + 1)..];
        return OtelVariables.Read(table, options);
    }
}
