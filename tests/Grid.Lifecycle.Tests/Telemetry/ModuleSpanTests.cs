using System.Diagnostics;
using System.Text;
using Grid.Buildpacks;
using Grid.Lifecycle.Telemetry;
using Grid.Lifecycle.Tests.Build;
using Grid.Oci.FileSystem;
using Grid.Sandbox;

namespace Grid.Lifecycle.Tests.Telemetry;

/// <summary>RFC 0131: what modules write of themselves becomes part of the trace, however hostile it is.</summary>
public sealed class ModuleSpanTests : IDisposable
{
    private const string File = "/layers/tracing/buildpacks/test_app@1.0-build.jsonl";
    private const string SourceName = "Grid.Lifecycle.Tests.ModuleSpan";
    private static readonly ActivitySource Own = new(SourceName);
    private readonly string _directory = Directory.CreateTempSubdirectory("grid-spans-").FullName;
    private readonly List<Activity> _ended = [];
    private readonly ActivityListener _listener;
    private readonly Activity _phase;
    private readonly CapturedLog _log = new();
    private readonly RootedDirectory _files;

    private readonly PhaseEnvironment _environment = new()
    {
        PlatformApi = "0.15", ImageEnv = [], User = new ProcessUser(0, 0), Target = new Target("linux", "amd64"),
    };

    public ModuleSpanTests()
    {
        _files = new RootedDirectory(_directory);
        _listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name is "Grid.Lifecycle" or SourceName,
            Sample = (ref ActivityCreationOptions<ActivityContext> options) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = activity =>
            {
                // Other tests of the process are in other traces.
                lock (_ended)
                    _ended.Add(activity);
            },
        };
        ActivitySource.AddActivityListener(_listener);
        _phase = Own.StartActivity("build")!;
        TracingDirectory.Prepare(_files, _environment);
    }

    private IReadOnlyList<Activity> Ended
    {
        get
        {
            lock (_ended)
                return [.. _ended.Where(a => a.TraceId == _phase.TraceId)];
        }
    }

    public void Dispose()
    {
        _phase.Dispose();
        _listener.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    [Fact]
    public void Module_IsToldOfItsSpan_WhateverTheUserGave()
    {
        using var span = ModuleSpan.Start(_environment, ModuleKind.Buildpack, "test/app", "1.0", "build");

        var variables = span.AddTo(["PATH=/bin", "CNB_OTEL_TRACEPARENT=00-00000000000000000000000000000001-0000000000000001-01"]);

        variables.ShouldBe(["PATH=/bin", $"CNB_OTEL_TRACEPARENT={Activity.Current!.Id}"]);
        Activity.Current.ParentSpanId.ShouldBe(_phase.SpanId);
    }

    [Fact]
    public void Module_WithoutATrace_IsToldNothing()
    {
        Activity.Current = null;
        using var span = ModuleSpan.Start(_environment, ModuleKind.Buildpack, "test/app", "1.0", "build");

        span.AddTo(["PATH=/bin"]).ShouldBe(["PATH=/bin"]);
        span.Collect(_files, _environment, _log);

        Ended.ShouldBeEmpty();
    }

    [Fact]
    public void Module_OfAPlatformThatTraces_InheritsItsContext_WhereNoSpansAreSent()
    {
        const string Platform = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        var environment = _environment with { PlatformTrace = Platform };
        using (var traced = ModuleSpan.Start(environment, ModuleKind.Buildpack, "test/app", "1.0", "build"))
            traced.AddTo([]).ShouldBe([$"CNB_OTEL_TRACEPARENT={Activity.Current!.Id}"]);
        Activity.Current = null;
        using var span = ModuleSpan.Start(environment, ModuleKind.Buildpack, "test/app", "1.0", "build");

        span.AddTo(["PATH=/bin"]).ShouldBe(["PATH=/bin", $"CNB_OTEL_TRACEPARENT={Platform}"]);
        span.Collect(_files, environment, _log);

        ModuleSpan.IsTraced(environment).ShouldBeTrue();
        ModuleSpan.IsTraced(_environment).ShouldBeFalse();
    }

    [Fact]
    public void Spans_KeepTheirOrder_AndGetNewIds()
    {
        // As SDKs write them: the inner one ends first.
        var spans = Collect(Line(Span("2", "1", "inner"), Span("1", "ffffffffffffffff", "outer")) + Line(Span("3", "2", "innermost", ",\"status\":{\"code\":2,\"message\":\"it broke\"}")));

        spans.Keys.ShouldBe(["outer", "inner", "innermost", "buildpack build"], ignoreOrder: true);
        spans["outer"].ParentSpanId.ShouldBe(spans["buildpack build"].SpanId);
        spans["inner"].ParentSpanId.ShouldBe(spans["outer"].SpanId);
        spans["innermost"].ParentSpanId.ShouldBe(spans["inner"].SpanId);
        spans["innermost"].StatusDescription.ShouldBe("it broke");
        spans.Values.ShouldAllBe(s => s.TraceId == _phase.TraceId);
        spans.Values.ShouldAllBe(s => !s.SpanId.ToString().StartsWith("000000000000000", StringComparison.Ordinal));
        _log.Lines().ShouldBeEmpty();
    }

    [Fact]
    public void Spans_InEachOther_EndInTheModules()
    {
        var spans = Collect(Line(Span("1", "2", "one"), Span("2", "1", "two"), Span("3", "3", "itself")));

        spans.Count.ShouldBe(4);
        new[] { "one", "two", "itself" }.Count(name => spans[name].ParentSpanId == spans["buildpack build"].SpanId).ShouldBe(2);
    }

    [Fact]
    public void Attributes_OfOurs_AndTimes_AreNotTheirs()
    {
        var spans = Collect(Line(Span("1", "", "forged", """
            ,"attributes":[{"key":"grid.build","value":{"stringValue":"other/build"}},{"key":"cnb.module.id","value":{"stringValue":"other"}},
            {"key":"language","value":{"stringValue":"go\u001b[2J"}},{"key":"count","value":{"intValue":"7"}},{"key":"odd","value":{"arrayValue":{"values":[{"intValue":"1"}]}}}],
            "events":[{"name":"begun","timeUnixNano":"1"}]
            """.ReplaceLineEndings(""))));

        var forged = spans["forged"];
        forged.TagObjects.ToDictionary(t => t.Key, t => t.Value).ShouldBe(new Dictionary<string, object?>
        {
            ["language"] = "go [2J", ["count"] = 7L, ["odd"] = """{"values":[{"intValue":"1"}]}""", ["cnb.module.id"] = "test/app",
        }, ignoreOrder: true);
        forged.StartTimeUtc.ShouldBe(spans["buildpack build"].StartTimeUtc);
        forged.Duration.ShouldBeGreaterThanOrEqualTo(TimeSpan.Zero);
        forged.Events.ShouldHaveSingleItem().Timestamp.UtcDateTime.ShouldBe(forged.StartTimeUtc);
    }

    [Theory]
    [InlineData("not json\n")]
    [InlineData("[]\n{\"resourceSpans\":7}\n{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[7,{},{\"name\":3},null]}]}]}\n")]
    [InlineData("{\"resourceSpans\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}\n")]
    public void Lines_ThatAreNoSpans_AreLeftOut(string text)
    {
        var spans = Collect(text + Line(Span("1", "", "good")));

        spans.Keys.ShouldBe(["good", "buildpack build"], ignoreOrder: true);
        _log.Lines().ShouldHaveSingleItem().ShouldContain("test/app: its trace is not complete");
    }

    [Fact]
    public void Spans_TooMany_AreLeftOut()
    {
        var spans = Collect(Line([.. Enumerable.Range(1, TraceFile.MaxSpans + 5).Select(n => Span($"{n}", "", $"span {n}"))]));

        spans.Count.ShouldBe(TraceFile.MaxSpans + 1);
        _log.Lines().ShouldHaveSingleItem().ShouldContain("5 spans were left out");
    }

    [Fact]
    public void File_TooLarge_IsReadToItsBound()
    {
        var line = Line(Span("1", "", "first"));
        var spans = Collect(line + new string(' ', TraceFile.MaxBytes) + Line(Span("2", "", "never")));

        spans.Keys.ShouldBe(["first", "buildpack build"], ignoreOrder: true);
        _log.Lines().ShouldHaveSingleItem().ShouldContain("only the first");
    }

    [Theory]
    [InlineData("/layers/tracing")]
    [InlineData("/layers/tracing/buildpacks")]
    [InlineData(File)]
    public void Links_AreNotFollowed(string place)
    {
        _files.CreateDirectory("/elsewhere/buildpacks", 0x1ED);
        foreach (var target in new[] { "/elsewhere/buildpacks/test_app@1.0-build.jsonl", "/elsewhere/test_app@1.0-build.jsonl" })
            _files.WriteFile(target, Encoding.UTF8.GetBytes(Line(Span("1", "", "linked"))), 0x1A4);
        _files.Delete(place);
        _files.CreateSymbolicLink(place, place == File ? "/elsewhere/test_app@1.0-build.jsonl" : place == "/layers/tracing" ? "/elsewhere" : "/elsewhere/buildpacks");

        using (var span = ModuleSpan.Start(_environment, ModuleKind.Buildpack, "test/app", "1.0", "build"))
            span.Collect(_files, _environment, _log);
        TracingDirectory.Prepare(_files, _environment);

        Ended.Select(s => s.OperationName).ShouldBe(["buildpack build"]);
    }

    /// <summary>Spans by name, of a module that wrote this.</summary>
    private Dictionary<string, Activity> Collect(string text)
    {
        _files.WriteFile(File, Encoding.UTF8.GetBytes(text), 0x1A4);
        using (var span = ModuleSpan.Start(_environment, ModuleKind.Buildpack, "test/app", "1.0", "build"))
            span.Collect(_files, _environment, _log);
        Activity.Current.ShouldBe(_phase);
        return Ended.ToDictionary(s => s.OperationName, StringComparer.Ordinal);
    }

    private static string Line(params string[] spans) => $"{{\"resourceSpans\":[{{\"scopeSpans\":[{{\"spans\":[{string.Join(',', spans)}]}}]}}]}}\n";

    private static string Span(string id, string parent, string name, string more = "") =>
        $"{{\"traceId\":\"0000000000000000000000000000000a\",\"spanId\":\"{id}\",\"parentSpanId\":\"{parent}\",\"name\":\"{name}\",\"startTimeUnixNano\":\"1581452772000000321\",\"endTimeUnixNano\":\"1581452773000000789\"{more}}}";
}
