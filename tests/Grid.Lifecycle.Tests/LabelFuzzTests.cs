using Grid.Buildpacks;
using Grid.Buildpacks.Metadata;
using Grid.Fuzzing;
using Grid.Lifecycle.Analyze;
using Grid.Lifecycle.Cache;
using Grid.Lifecycle.Restore;
using Grid.Lifecycle.Tests.Build;
using Grid.Lifecycle.Tests.Export;
using Grid.Oci;
using Grid.Oci.Images;

namespace Grid.Lifecycle.Tests;

/// <summary>Labels of images that others made, and descriptions of caches: whatever they hold, a build goes on without them or says what is wrong.</summary>
public sealed class LabelFuzzTests
{
    private static readonly string[] Words =
    [
        "{", "}", "[", "]", "null", ",", ":", "\"", "1", "1e999", "true", "\\u0000", "\\uD800", "\"images\":", "\"mirrors\":", "\"stack\":", "\"runImage\":", "\"lifecycle\":", "\"buildpacks\":", "\"layers\":", "\"sha\":", "\"data\":",
        "\"key\":", "[null]", "{\"l\":null}", "\"store\":{}", "\"sbom\":null", "\"..\":",
    ];

    private const string Metadata = """
        {"app":[{"sha":"sha256:1"}],"sbom":{"sha":"s"},"buildpacks":[{"key":"a/b","version":"1","layers":{"l":{"sha":"x","data":{"n":3},"build":false,"launch":true,"cache":false}},"store":{"metadata":{"k":1.5}}}],"runImage":{"topLayer":"t","reference":"r","image":"i","mirrors":["m"]}}
        """;

    private static readonly string Cached =
        """{"sbom":{"sha":"SHA"},"buildpacks":[{"key":"a/b","version":"1","layers":{"l":{"sha":"SHA","data":{"n":3},"build":true,"launch":false,"cache":true}}}]}""".Replace("SHA", Digest.Compute("x"u8).ToString());

    [Fact]
    public void BuilderLabel_AnyText_ThrowsOnlyLifecycleException() => Fuzz.Text(
        ["""{"images":[{"image":"a.test/run:1","mirrors":["b.test/run:1"]}],"lifecycle":{"version":"0.21.14"}}""", """{"stack":{"runImage":{"image":"b.test/run:1","mirrors":null}}}"""],
        Words,
        text =>
        {
            var label = BuilderLabel.Read(Image(BuilderLabel.Label, text));
            label.RunImages.SelectMany(names => names.All).ToList();
        },
        typeof(LifecycleException));

    [Fact]
    public void LifecycleLabel_AnyText_IsRestoredFromOrNot() => Fuzz.Text([Metadata], Words, text =>
    {
        var previous = LifecycleMetadata.Read(text, out _);
        RestorePlan.Make(Input(previous, null), new CapturedLog());
        previous?.ToLabel();
    });

    [Fact]
    public void CacheLabel_AnyText_IsReadOrIgnored() => Fuzz.Text([Cached], Words, text =>
    {
        var cache = CacheLabel.Read(text, _ => null, out var problem);
        if (cache is not null)
            RestorePlan.Make(Input(null, cache), new CapturedLog());
        else if (text.Length > 0 && text != "null")
            problem.ShouldNotBeNull();
    });

    private static RestoreInput Input(LifecycleMetadata? previous, CacheMetadata? cache) => new()
    {
        Environment = GoldenBuild.Environment,
        Group = new Group([new GroupElement(ModuleKind.Buildpack, "a/b", "1", "0.11")], []),
        Previous = previous,
        Cache = cache,
    };

    private static PinnedImage Image(string label, string text)
    {
        var digest = Digest.Compute("x"u8);
        return new PinnedImage
        {
            Location = "a.test/builder@" + digest,
            Manifest = new Descriptor(MediaTypes.OciManifest, digest, 1),
            Config = new ImageConfig { Os = "linux", Architecture = "amd64", Config = new ContainerConfig { Labels = new Dictionary<string, string> { [label] = text } } },
            Layers = [],
        };
    }
}
