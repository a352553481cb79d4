using Grid.Buildpacks.Analyze;
using Grid.Buildpacks.Build;
using Grid.Buildpacks.Builders;
using Grid.Buildpacks.Descriptors;
using Grid.Buildpacks.Detect;
using Grid.Buildpacks.Generate;
using Grid.Buildpacks.Launch;
using Grid.Buildpacks.Layers;
using Grid.Buildpacks.Metadata;
using Grid.Buildpacks.Order;
using Grid.Buildpacks.Tests.Support;
using Grid.Buildpacks.Toml;
using Grid.Fuzzing;

namespace Grid.Buildpacks.Tests.Toml;

/// <summary>Whatever stands in a TOML file, its reader throws a <see cref="TomlFormatException"/> or nothing.</summary>
public sealed class TomlFuzzTests
{
    private static readonly string[] Words =
    [
        "[", "]", "[[", "]]", "{", "}", "=", ".", ",", "\n", "\r\n", "#", "'", "\"", "'''", "\"\"\"", "\\", "\\u0000", "\\uD800", "\\U0010FFFF", "é", "\0", "true", "false", "1", "-1", "0x7f", "1e400", "inf", "nan",
        "9223372036854775808", "1979-05-27T07:32:00Z", "1979-05-27", "07:32:00", "[[order]]\n", "[[order.group]]\n", "id = 'a'\n", "version = '1'\n", "optional = true\n", "[types]\nlaunch = true\n", "[metadata]\n",
        "[[processes]]\ntype = 'web'\ncommand = ['x']\n", "[[slices]]\npaths = ['[']\n", "[[labels]]\nkey = 'k'\n", "[[provides]]\nname = 'x'\n", "[[requires]]\nname = 'x'\n", "[[or]]\n", "[[build.args]]\n", "exec-env = ['*']\n",
        "[[buildpack.exec-env]]\nname = 'x'\n", "[[targets]]\nos = 'linux'\n", "[[targets.distros]]\nname = 'x'\n", "[[bom]]\nname = 'x'\n", "[[unmet]]\nname = 'x'\n", "a.b.c = 1\n", "api = '0.10'\n",
    ];

    private static readonly GroupElement Old = new(ModuleKind.Buildpack, "a", "1", "0.7");
    private static readonly GroupElement New = new(ModuleKind.Buildpack, "a", "1", "0.12");

    private static readonly Dictionary<string, Action<string>> Readers = new()
    {
        ["order"] = text => OrderFile.Parse(text, "f"),
        ["system"] = text => SystemFile.Parse(text, "f"),
        ["run"] = text => RunImages.Parse(text, "f"),
        ["builder"] = text => BuilderConfig.Parse(text, "f"),
        ["analyzed"] = text => AnalyzedFile.Parse(AnalyzedFile.Parse(text, "f").Write(), "f"),
        ["metadata"] = text => MetadataToml.Write(MetadataTomlReader.Parse(text, "f"), "0.15"),
        ["project-metadata"] = text => ProjectMetadata.ToLabel(text),
        ["plan of a buildpack"] = text => PlanFile.From(TomlFile.Parse(text, "f"), ModuleKind.Buildpack),
        ["plan of an extension"] = text => PlanFile.From(TomlFile.Parse(text, "f"), ModuleKind.Extension),
        ["launch"] = text => LaunchToml.From(TomlFile.Parse(text, "f"), New),
        ["launch of old buildpacks"] = text => LaunchToml.From(TomlFile.Parse(text, "f"), Old),
        ["build"] = text => BuildToml.From(TomlFile.Parse(text, "f"), New, ["x"]),
        ["layer"] = text => LayerToml.From(TomlFile.Parse(text, "f")).MetadataAsJson(),
        ["extend-config"] = text => ExtendConfig.From(TomlFile.Parse(text, "f"), []),
    };

    [Fact]
    public void Readers_AnyText_ThrowOnlyTomlFormatException() => Fuzz.Text(Corpus.Golden(".toml"), Words, text =>
    {
        foreach (var (name, read) in Readers)
        {
            try
            {
                read(text);
            }
            catch (TomlFormatException)
            {
                // Refused with a place: that is the contract.
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"the reader of {name} threw", e);
            }
        }
    });

    [Fact]
    public void Parse_AnyText_WritesWhatReadsTheSame() => Fuzz.Text(Corpus.Golden(".toml"), Words, text =>
    {
        var written = TomlWriter.Write(TomlFile.Parse(text, "f"));
        TomlWriter.Write(TomlFile.Parse(written, "g")).ShouldBe(written);
    }, typeof(TomlFormatException));

    [Fact]
    public void ReadersOfTrees_AnyBytes_ThrowOnlyTomlFormatException()
    {
        using var tree = new TemporaryTree();
        tree.Add("/m/bin/build");
        Fuzz.Bytes([.. Corpus.Golden(".toml").Select(System.Text.Encoding.UTF8.GetBytes)], [.. Words.Select(System.Text.Encoding.UTF8.GetBytes)], bytes =>
        {
            tree.Files.WriteFile("/m/buildpack.toml", bytes, 0x1A4);
            foreach (var read in (Action[])[() => ModuleDescriptor.Read(tree.Files, ModuleKind.Buildpack, "/m"), () => GroupFiles.ReadPlan(tree.Files, "/m/buildpack.toml"), () => StoreToml.Find(tree.Files, "/m")])
            {
                try
                {
                    read();
                }
                catch (Exception e) when (e is TomlFormatException or LifecycleException)
                {
                    // Refused with a place; a wrong API has an exit code of its own.
                }
            }
        });
    }

    [Fact]
    public void LifecycleLabel_AnyText_ThrowsNothing() => Fuzz.Text(
        [new LifecycleMetadata { App = [], Buildpacks = [] }.ToLabel(), """{"app":[{"sha":"sha256:1"}],"buildpacks":[{"key":"a","version":"1","layers":{"l":{"sha":"x","data":{"n":3},"build":false,"launch":true,"cache":false}},"store":{"metadata":{"k":1.5}}}],"runImage":{"topLayer":"t","reference":"r"}}"""],
        ["{", "}", "[", "]", "null", ",", ":", "\"", "1e999", "\"data\":", "\"layers\":", "\\u0000"],
        text =>
        {
            if (LifecycleMetadata.Read(text, out _) is { } metadata)
                LifecycleMetadata.Read(metadata.ToLabel(), out _).ShouldNotBeNull();
        });
}
