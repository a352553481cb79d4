using Grid.EndToEnd.Tests.Fixtures;
using Grid.EndToEnd.Tests.Telemetry;

namespace Grid.EndToEnd.Tests.Lifecycle;

/// <summary>A platform's build: phase after phase in containers, with a registry.</summary>
public sealed class PhasesInPlaceTests(TestMachine machine) : IAsyncLifetime
{
    private LoopbackRegistry? _registry;
    private string _place = "";

    private LoopbackRegistry Registry => _registry!;

    public async ValueTask InitializeAsync()
    {
        TestMachine.Require();
        _place = Directory.CreateDirectory(Path.Combine(machine.Scratch, Guid.NewGuid().ToString("N")[..12])).FullName;
        _registry = await LoopbackRegistry.StartAsync(Path.Combine(_place, "registry"));
        var images = await machine.ImagesAsync();
        await Registry.PushAsync(images.Build, "base/build:1");
        await Registry.PushAsync(images.Run, "base/run:1");
    }

    public async ValueTask DisposeAsync()
    {
        if (_registry is not null)
            await _registry.DisposeAsync();
    }

    [Fact]
    public async Task AllPhases_WithExtensionsOfBothImages_TwiceTheSameImage()
    {
        var container = await ContainerAsync(runDockerfile: """
            ARG base_image
            FROM ${base_image}
            USER root
            RUN echo run >/etc/extended && rm /etc/removed-by-nobody 2>/dev/null || true
            LABEL by=extension
            ARG user_id
            USER ${user_id}
            """);
        var digests = new List<string>();
        foreach (var build in new[] { "first", "second" })
        {
            await container.NewBuildAsync();
            await ShouldSucceedAsync(container, "analyzer", 0, "builder", "-tag", Name("app:again"), Name("app:1"));
            await ShouldSucceedAsync(container, "detector", TinyImages.UserId, "builder");
            await ShouldSucceedAsync(container, "restorer", 0, "builder", "-cache-dir", "/cache", "-build-image", Name("base/build:1"));
            var run = await ShouldSucceedAsync(container, "extender", 0, "run", "-kind", "run");
            var built = await ShouldSucceedAsync(container, "extender", 0, "builder", "-kind", "build");
            await ShouldSucceedAsync(container, "exporter", 0, "builder", "-cache-dir", "/cache", Name("app:1"), Name("app:again"));

            built.Output.ShouldContain("tool says built as 1001 in /home/cnb");
            run.Output.Contains("(cached)", StringComparison.Ordinal).ShouldBe(build == "second");
            built.Output.Contains("COPY tool /opt/tool (cached)", StringComparison.Ordinal).ShouldBe(build == "second");
            digests.Add(File.ReadLines(container.At("layers/report.toml")).Single(l => l.Contains("digest", StringComparison.Ordinal)));
        }

        digests[1].ShouldBe(digests[0]);
        (await Registry.TagsAsync("app")).Order().ShouldBe(["1", "again"]);
        await Registry.PullAsync("app:1", $"oci:{_place}/pulled:app");
        var image = await BuiltImage.ReadAsync(_place + "/pulled");
        image.Label("by").ShouldBe("extension");
        image.Label("io.buildpacks.rebasable").ShouldBe("false");
        image.User.ShouldBe(TinyImages.UserId.ToString(System.Globalization.CultureInfo.InvariantCulture));
        image.Config.GetProperty("history").EnumerateArray().Select(h => h.TryGetProperty("created_by", out var by) ? by.GetString()! : "")
            .ShouldContain(h => h.EndsWith("Created by extension: tool", StringComparison.Ordinal));
        var root = Path.Combine(await image.UnpackAsync(_place + "/unpacked"), "rootfs");
        File.ReadAllText(root + "/etc/extended").ShouldBe("run\n");
        File.Exists(root + "/opt/tool").ShouldBeFalse("that is in the build image only");
        File.ReadAllText(root + "/workspace/hello.txt").ShouldBe("hello\n");
    }

    [Theory]
    [InlineData("RUN false\nUSER 1001", "RUN false: exited with code 1")]
    [InlineData("RUN true", "the run image would end with user root")]
    public async Task Extender_WhatCannotBe_Is102(string instructions, string message)
    {
        var container = await ContainerAsync("ARG base_image\nFROM ${base_image}\nUSER root\n" + instructions + "\n");
        await container.NewBuildAsync();
        await ShouldSucceedAsync(container, "analyzer", 0, "builder", Name("app:1"));
        await ShouldSucceedAsync(container, "detector", TinyImages.UserId, "builder");
        await ShouldSucceedAsync(container, "restorer", 0, "builder", "-build-image", Name("base/build:1"));

        var result = await container.RunAsync("extender", 0, "run", "-kind", "run");

        result.ExitCode.ShouldBe(102, result.ToString());
        result.Output.ShouldContain(message);
    }

    [Fact]
    public async Task Creator_BuildsInOneProcess_WithAnExtendedBuildImage()
    {
        var container = await ContainerAsync(runDockerfile: null);
        await container.NewBuildAsync();

        var result = await ShouldSucceedAsync(container, "creator", 0, "creator", "-build-image", Name("base/build:1"), "-cache-dir", "/cache", Name("created:1"));

        result.Output.ShouldContain("tool says built as 1001 in /home/cnb");
        (await Registry.TagsAsync("created")).ShouldBe(["1"]);
    }

    [Fact]
    public async Task Phase_OfAPlatformThatTraces_IsInItsTrace_AndSoAreItsModules()
    {
        const string Trace = "0af7651916cd43dd8448eb211c80319c";
        const string Platform = $"00-{Trace}-b7ad6b7169203331-01";
        var container = (await ContainerAsync(runDockerfile: null)).Module("buildpack", "plain",
            ("detect", "printf '[[requires]]\\nname = \"tool\"\\n' >\"$CNB_BUILD_PLAN_PATH\"; echo \"$CNB_OTEL_TRACEPARENT\" >/layers/seen; ls /layers/tracing >>/layers/seen"));
        await using var receiver = await ReceiverProcess.StartAsync(Path.Combine(_place, "received"));
        container.Variables["CNB_OTEL_TRACEPARENT"] = Platform;

        await container.NewBuildAsync();
        await ShouldSucceedAsync(container, "detector", TinyImages.UserId, "builder");
        var alone = File.ReadAllLines(container.At("layers/seen"));
        container.Variables["OTEL_EXPORTER_OTLP_ENDPOINT"] = receiver.Endpoints["http/protobuf"];
        container.Variables["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf";
        await container.NewBuildAsync();
        await ShouldSucceedAsync(container, "detector", TinyImages.UserId, "builder");

        // Without a receiver of ours, what modules write is the platform's to read.
        alone.ShouldBe([Platform, "buildpacks", "extensions"]);
        var spans = receiver.Spans;
        spans.ShouldAllBe(s => s.TraceId == Trace);
        var phase = spans.Single(s => s.Name == "detect");
        phase.ParentId.ShouldBe("b7ad6b7169203331");
        spans.Where(s => s != phase).Select(s => s.Name).ShouldBe(["buildpack detect", "extension detect", "extension generate"], ignoreOrder: true);
        spans.Where(s => s != phase).ShouldAllBe(s => s.ParentId == phase.SpanId);
        File.ReadAllLines(container.At("layers/seen"))[0].ShouldBe($"00-{Trace}-{spans.Single(s => s.Name == "buildpack detect").SpanId}-01");
    }

    private async Task<PhaseContainer> ContainerAsync(string? runDockerfile)
    {
        var container = new PhaseContainer((await machine.ImagesAsync()).Root, _place)
            .Write("workspace/hello.txt", "hello\n")
            .Write("cnb/order.toml", "[[order]]\n[[order.group]]\nid = \"plain\"\nversion = \"1\"\n[[order-extensions]]\n[[order-extensions.group]]\nid = \"tool\"\nversion = \"1\"\n")
            .Write("cnb/run.toml", $"[[images]]\nimage = \"{Name("base/run:1")}\"\n")
            .Module("buildpack", "plain",
                ("detect", "printf '[[requires]]\\nname = \"tool\"\\n' >\"$CNB_BUILD_PLAN_PATH\""),
                ("build", "echo \"tool says $(/opt/tool) as $(id -u) in $HOME\"; printf '[[processes]]\\ntype = \"web\"\\ncommand = [\"cat\", \"hello.txt\"]\\ndefault = true\\n' >\"$CNB_LAYERS_DIR/launch.toml\""))
            .Module("extension", "tool",
                ("detect", "printf '[[provides]]\\nname = \"tool\"\\n' >\"$CNB_BUILD_PLAN_PATH\""),
                ("generate", $$"""
                    cd "$CNB_OUTPUT_DIR"
                    mkdir context
                    printf '#!/bin/sh\necho built\n' >context/tool
                    chmod 755 context/tool
                    cat >build.Dockerfile <<'END'
                    ARG base_image
                    FROM ${base_image}
                    USER root
                    COPY tool /opt/tool
                    RUN chmod 711 /opt/tool && chmod 755 /opt/tool
                    END
                    {{(runDockerfile is null ? "" : $"cat >run.Dockerfile <<'END'\n{runDockerfile}\nEND")}}
                    """));
        File.Copy(machine.Launcher, container.At("cnb/launcher"));
        return container;
    }

    private string Name(string repository) => $"{Registry.Host}/{repository}";

    private static async Task<ToolResult> ShouldSucceedAsync(PhaseContainer container, string phase, int user, string name, params string[] arguments)
    {
        // Grid's own launcher is published apart from the executable in tests.
        string[] launcher = phase is "exporter" or "creator" ? ["-launcher", "/cnb/launcher"] : [];
        var result = await container.RunAsync(phase, user, name, [.. launcher, .. arguments]);
        result.ExitCode.ShouldBe(0, $"{phase}: {result}");
        return result;
    }
}
