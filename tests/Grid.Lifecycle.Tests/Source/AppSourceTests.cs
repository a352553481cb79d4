using Grid.Buildpacks.Toml;
using Grid.Lifecycle.Source;
using Grid.Oci.Content;
using Grid.Oci.Layers;

namespace Grid.Lifecycle.Tests.Source;

public sealed class AppSourceTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("grid-source-").FullName;
    private readonly ContentStore _store;

    public AppSourceTests() => _store = new ContentStore(Path.Combine(_directory, "store"));

    private string App => Path.Combine(_directory, "app");

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    private void Write(params string[] paths)
    {
        foreach (var path in paths)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(App, path))!);
            File.WriteAllText(Path.Combine(App, path), path);
        }
    }

    private void WriteText(string path, string text) => File.WriteAllText(Path.Combine(App, path), text);

    private List<string> Packed()
    {
        var archive = AppSource.Pack(_store, App, TestContext.Current.CancellationToken);
        using var tar = LayerReader.Decompress(_store.Open(archive.Blob), archive.Blob.MediaType);
        var reader = new LayerReader(tar);
        var paths = new List<string>();
        while (reader.Next() is { } entry)
            paths.Add(entry.Path);
        return [.. paths.Where(p => p is not ("project.toml" or ".gridignore")).Select(p => p.TrimEnd('/'))];
    }

    [Fact]
    public void Without_a_word_everything_is_packed()
    {
        Write("a", "d/b", ".git/x");

        Packed().ShouldBe([".git", ".git/x", "a", "d", "d/b"]);
    }

    [Fact]
    public void Excludes_of_a_project_leave_out_files_and_directories()
    {
        Write("a.log", "src/main.c", "src/x.log", "node_modules/m/i.js");
        WriteText("project.toml", "[_]\nschema-version = \"0.2\"\n[io.buildpacks]\nexclude = [\"*.log\", \"node_modules/\"]");

        Packed().ShouldBe(["src", "src/main.c"]);
    }

    [Fact]
    public void Includes_of_a_project_keep_the_directories_above()
    {
        Write("a", "src/deep/main.c", "src/deep/x.o", "empty/x.o");
        WriteText("project.toml", "[build]\ninclude = [\"*.c\"]");

        Packed().ShouldBe(["src", "src/deep", "src/deep/main.c"]);
    }

    [Fact]
    public void What_is_taken_back_below_an_excluded_directory_is_packed()
    {
        Write("dist/a.js", "dist/keep/b.js");
        WriteText("project.toml", "[build]\nexclude = [\"dist\", \"!dist/keep\"]");

        Packed().ShouldBe(["dist", "dist/keep", "dist/keep/b.js"]);
    }

    [Fact]
    public void An_ignore_file_excludes_like_dockerignore()
    {
        Write("a.log", "src/a.log", "secret/key", "secret/pub");
        WriteText(".gridignore", "# comment\n*.log\nsecret\n!secret/pub\n");

        Packed().ShouldBe(["secret", "secret/pub", "src", "src/a.log"]);
    }

    [Fact]
    public void Both_files_exclude()
    {
        Write("a", "b", "c");
        WriteText(".gridignore", "a\n");
        WriteText("project.toml", "[build]\nexclude = [\"b\"]");

        Packed().ShouldBe(["c"]);
    }

    [Fact]
    public void What_is_excluded_has_no_influence_on_the_digest()
    {
        Write("a", "x.log");
        WriteText(".gridignore", "*.log\n");
        var first = AppSource.Pack(_store, App, TestContext.Current.CancellationToken);
        WriteText("x.log", "other");
        File.SetLastWriteTimeUtc(Path.Combine(App, "a"), DateTime.UnixEpoch);

        AppSource.Pack(_store, App, TestContext.Current.CancellationToken).ShouldBe(first);
    }

    [Fact]
    public void Files_that_cannot_be_read_say_where()
    {
        Write("a");
        WriteText(".gridignore", "a\n[\n");
        Should.Throw<FormatException>(Packed).Message.ShouldStartWith(".gridignore:2:");
        File.Delete(Path.Combine(App, ".gridignore"));
        WriteText("project.toml", "[build]\ninclude = [\"a\"]\nexclude = [\"b\"]");
        Should.Throw<TomlFormatException>(Packed);
    }
}
