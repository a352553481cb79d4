using System.Net;
using Grid.Hosting.Telemetry;

namespace Grid.Hosting.Configuration;

/// <summary>Reads the settings of traces, metrics and logs.</summary>
internal static class TelemetryConfiguration
{
    public static TelemetryOptions Read(SettingValues values) => new()
    {
        Endpoint = EndpointOf(values),
        Protocol = values.Has(NodeSettings.OtlpProtocol) ? values.Word(NodeSettings.OtlpProtocol, NodeSettings.OtlpProtocol.Default) : null,
        Headers = values.Text(NodeSettings.OtlpHeaders),
        Signals = (values.List(NodeSettings.OtlpSignals) ?? NodeSettings.OtlpSignals.Words)
            .Aggregate(Signals.None, (all, word) => all | (Enum.TryParse<Signals>(word, ignoreCase: true, out var signal) ? signal : Signals.None)),
        MetricsListen = ListenOf(values),
    };

    private static string? EndpointOf(SettingValues values)
    {
        if (values.Text(NodeSettings.OtlpEndpoint) is not { } text)
            return null;
        if (!Uri.TryCreate(text, UriKind.Absolute, out var address) || (address.Scheme != Uri.UriSchemeHttp && address.Scheme != Uri.UriSchemeHttps))
            values.Fail($"{values.Describe(NodeSettings.OtlpEndpoint)}: want an http or https address");
        return text;
    }

    private static IPEndPoint? ListenOf(SettingValues values)
    {
        if (values.Text(NodeSettings.MetricsListen) is not { } text)
            return null;
        // A bare address would be taken with port 0.
        if (text.LastIndexOf(':') is var colon && colon > text.LastIndexOf(']') && colon > 0 && IPEndPoint.TryParse(text, out var endpoint))
            return endpoint;
        values.Fail($"{values.Describe(NodeSettings.MetricsListen)}: want an IP address and a port, such as 127.0.0.1:9464");
        return null;
    }
}
