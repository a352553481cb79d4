using Grid.EndToEnd.Tests.Fixtures;

namespace Grid.EndToEnd.Tests.Telemetry;

/// <summary>What a receiver of traces gets of a build.</summary>
public sealed class TelemetryTests(TestMachine machine)
{
    private static readonly string[] Phases = ["analyze", "detect", "restore", "extend build", "extend run", "build", "export"];

    [Fact]
    public async Task Build_WithAReceiver_SendsOneTraceWithPhasesAndSteps()
    {
        var bench = await machine.NewAsync();
        bench.Builder.Buildpack("test/app").Dockerfiles("test/both", BuilderDirectory.AsRoot("RUN echo b >/b"), BuilderDirectory.AsRoot("RUN echo r >/r"));

        var cold = await TraceAsync(bench);
        var warm = await TraceAsync(bench);

        foreach (var spans in new[] { cold, warm })
        {
            spans.Select(s => s.TraceId).Distinct().Count().ShouldBe(1);
            var ids = spans.Select(s => s.SpanId).ToHashSet();
            spans.Where(s => s.ParentId.Length > 0 && !ids.Contains(s.ParentId)).Select(s => s.Name).ShouldBeEmpty();
            spans.Single(s => s.ParentId.Length == 0).Name.ShouldBe("grid build");
            foreach (var phase in Phases)
                spans.ShouldContain(s => s.Name == phase && s.End >= s.Start, phase);
        }
        var ran = cold.Where(s => s.Name == "step").ToList();
        ran.Count.ShouldBe(2);
        ran.ShouldAllBe(s => s.Attributes["grid.step.cache"] == "miss" && s.Attributes["grid.step.miss"].Length > 0 && s.Attributes["grid.extension"] == "test/both");
        var cached = warm.Where(s => s.Name == "step").ToList();
        cached.Count.ShouldBe(2);
        cached.ShouldAllBe(s => s.Attributes["grid.step.cache"] == "hit");
        warm.ShouldNotContain(s => s.Name == "run step");
        // Each step is inside its extender's span.
        foreach (var step in ran)
            cold.Single(s => s.SpanId == step.ParentId).Name.ShouldStartWith("extend ");
    }

    [Fact]
    public async Task Buildpack_ThatWritesSpans_IsSeenInTheTrace()
    {
        var bench = await machine.NewAsync();
        const string Write = """
            now=$(date +%s%N)
            test -n "$CNB_OTEL_TRACEPARENT"
            printf '{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"00000000000000000000000000000001","spanId":"0000000000000001","name":"fetch a runtime","startTimeUnixNano":"%s","endTimeUnixNano":"%s","attributes":[{"key":"language","value":{"stringValue":"%s"}}]}]}]}]}\n' "$now" "$now" "$CNB_OTEL_TRACEPARENT" \
              >>"/layers/tracing/buildpacks/test_app@1.0.0-PHASE.jsonl"
            """;
        bench.Builder.Buildpack("test/app", Write.Replace("PHASE", "build", StringComparison.Ordinal) + "\n" + BuilderDirectory.WebProcess, detect: Write.Replace("PHASE", "detect", StringComparison.Ordinal));

        var spans = await TraceAsync(bench);

        foreach (var phase in new[] { "detect", "build" })
        {
            var module = spans.Single(s => s.Name == "buildpack " + phase);
            spans.Single(s => s.SpanId == module.ParentId).Name.ShouldBe(phase);
            var written = spans.Single(s => s.Name == "fetch a runtime" && s.ParentId == module.SpanId);
            written.TraceId.ShouldBe(module.TraceId);
            written.SpanId.ShouldNotBe("0000000000000001");
            written.Attributes["cnb.module.id"].ShouldBe("test/app");
            // What the buildpack was told is the span that its own are in.
            written.Attributes["language"].ShouldBe($"00-{module.TraceId}-{module.SpanId}-01");
        }
        (await BuiltImage.ReadAsync(bench.Layout)).Contains("fetch a runtime").ShouldBeFalse();
    }

    [Fact]
    public async Task Build_ReceiverIsAbsent_SucceedsAllTheSame()
    {
        var bench = await machine.NewAsync();
        using (var gone = new TraceReceiver())
            bench.Environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = gone.Endpoint;
        bench.Environment["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf";
        bench.Builder.Buildpack("test/app");

        (await bench.BuildAsync()).ShouldSucceed();
    }

    private static async Task<IReadOnlyList<Span>> TraceAsync(Workbench bench)
    {
        using var receiver = new TraceReceiver();
        bench.Environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = receiver.Endpoint;
        bench.Environment["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf";
        (await bench.BuildAsync()).ShouldSucceed();
        return receiver.Spans;
    }
}
