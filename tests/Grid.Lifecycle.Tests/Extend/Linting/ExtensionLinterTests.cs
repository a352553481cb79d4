using Grid.Lifecycle.Extend.Linting;
using Grid.Oci.FileSystem;

namespace Grid.Lifecycle.Tests.Extend.Linting;

public sealed class ExtensionLinterTests : IDisposable
{
    private const string From = "ARG base_image\nFROM ${base_image}\n";
    private readonly string _root = Directory.CreateTempSubdirectory("grid-lint-").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void Lint_AGoodExtension_FindsNothing()
    {
        File("extension.toml", "api = \"0.10\"\n[extension]\nid = \"samples/tools\"\nversion = \"1.0.0\"\n");
        Program("bin/detect");
        Program("bin/generate");
        Lint().ShouldBeEmpty();
    }

    [Fact]
    public void Lint_AGoodOutput_FindsNothing()
    {
        File("build.Dockerfile", From + "USER root\nRUN --mount=type=cache,target=/c apt-get update\nARG user_id\nUSER ${user_id}\n");
        File("run.Dockerfile", From + "ARG version=1\nCOPY --chmod=u=rwX,go=rX a* /opt/\nENV V=$version\n");
        File("extend-config.toml", "[[run.args]]\nname = \"version\"\nvalue = \"2\"\n");
        File("context.run/a", "");
        Lint().ShouldBeEmpty();
    }

    [Theory]
    [InlineData("RUN --mount=type=bind,from=x true", "run.Dockerfile:3:5: error: a mount from another image or stage is not permitted")]
    [InlineData("RUN --mount=type=tmpfs,target=$T --mount=type=cache,target=$T,suid echo $HOME", "run.Dockerfile:3:34: error: unexpected key 'suid' for mount type 'cache'")]
    [InlineData("RUN \\\n  --mount=type=ssh \\\n  echo $HOME", "run.Dockerfile:4:3: error: mount type \"ssh\" is not supported by the grid")]
    [InlineData("COPY --from=x a /x", "run.Dockerfile:3:1: error: COPY --from is not permitted")]
    [InlineData("RUN --mount=type=cache true", "run.Dockerfile:3:5: error: a mount needs a target")]
    [InlineData("COPY missing /x", "run.Dockerfile:3:1: error: COPY source 'missing' is not in the build context")]
    [InlineData("COPY ignored /x", "run.Dockerfile:3:1: error: COPY source 'ignored' is not in the build context")]
    [InlineData("COPY a b /x", "run.Dockerfile:3:1: error: When using COPY with more than one source file")]
    [InlineData("COPY --chmod=u+q a /x", "run.Dockerfile:3:1: error: invalid chmod parameter")]
    [InlineData("COPY $D/missing /x", "run.Dockerfile:3:1: warning: COPY source")]
    [InlineData("NOPE x", "run.Dockerfile:3:1: error: dockerfile parse error on line 3: unknown instruction: NOPE")]
    [InlineData("CMD x", "run.Dockerfile:3:1: warning: CMD is not recommended")]
    [InlineData("USER 0", "run.Dockerfile:3:1: warning: the run image would end with user root")]
    [InlineData("ARG build_id\nRUN a", "run.Dockerfile:3:1: warning: 1 RUN instruction behind ARG build_id run in every build")]
    [InlineData("ADD https://example.com/f /f", "run.Dockerfile:3:1: warning: https://example.com/f is fetched in every build")]
    [InlineData("RUN --network=host true", "run.Dockerfile:3:5: error: network mode host is not permitted")]
    [InlineData("USER 4294967296", "run.Dockerfile:3:1: error: user '4294967296': 4294967296 is out of range")]
    public void Lint_AnInstruction_IsNamedWithItsPlace(string instruction, string finding)
    {
        File("run.Dockerfile", From + instruction + "\n");
        File("context/a", "");
        File("context/b", "");
        File("context/ignored", "");
        File("context/.dockerignore", "ignored\n");
        Lint().Single().ShouldStartWith(finding);
    }

    [Theory]
    [InlineData("# syntax=docker/dockerfile:1\n", true)]
    [InlineData("# syntax=docker.io/docker/dockerfile:1.7-labs\n", true)]
    [InlineData("# escape=`\n# syntax=evil.example/frontend\n", false)]
    [InlineData("# syntax=docker/dockerfilex:1\n", false)]
    public void Lint_ForeignFrontends_AreRefused(string directives, bool allowed)
    {
        File("run.Dockerfile", directives + From + "RUN true\n");
        if (allowed)
            Lint().ShouldBeEmpty();
        else
            Lint().Single().ShouldMatch("^run.Dockerfile:[12]:1: error: the frontend .* is not permitted");
    }

    [Fact]
    public void Lint_FilesBesideTheDockerfile_AreLookedAt()
    {
        File("generate/run.Dockerfile", From + "RUN true\n");
        File("generate/extend-config.toml", "[[run.args]]\nname = \"user_id\"\n");
        File("generate/context/a", "");
        File("generate/context.run/a", "");
        File("extension.toml", "api = \"0.8\"\n[extension]\nid = \"a b\"\nversion = \"1\"\n");
        File("bin/detect", "");
        Lint().ShouldBe(
        [
            "bin/detect:1:1: error: cannot be executed; make it a program: chmod +x bin/detect",
            "extension.toml:1:1: error: Buildpack API 0.8 has no extensions; write api = \"0.10\" or a newer one",
            "extension.toml:1:1: error: the id 'a b' has other characters than letters, digits, '.', '/' and '-'; choose another id",
            "extension.toml:1:1: warning: the version '1' is not of the form X.Y.Z; write three numbers",
            "generate/context:1:1: error: context and a context for one kind of image are both there; keep context, or context.build and context.run",
            "generate/extend-config.toml:2:8: error: [[run.args]] name: \"user_id\" is given by the lifecycle and cannot be set; remove it",
        ], Case.Sensitive);
    }

    [Fact]
    public void Lint_BadToml_IsNamedWithItsPlace()
    {
        File("extension.toml", "api = \"0.10\"\n[extension\n");
        Lint().Single(finding => finding.StartsWith("extension.toml:2:", StringComparison.Ordinal)).ShouldContain("error: ");
    }

    [Fact]
    public void Lint_ConfigNobodyReads_IsAWarning()
    {
        File("run.Dockerfile", From + "RUN true\n");
        File("extend-config.toml", "[[run.args]]\nname = \"unused\"\nvalue = \"1\"\n");
        Lint().Single().ShouldStartWith("extend-config.toml:1:1: warning: no run.Dockerfile declares the argument unused");
    }

    [Fact]
    public void Lint_AnEmptyDirectory_SaysWhatIsMissing() => Lint().Single().ShouldContain("neither an extension.toml nor");

    private List<string> Lint() => [.. ExtensionLinter.Lint(new RootedDirectory(_root), "").Select(finding => finding.ToString())];

    private void File(string path, string content)
    {
        var file = Path.Combine(_root, path);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        System.IO.File.WriteAllText(file, content);
    }

    private void Program(string path)
    {
        File(path, "#!/bin/sh\n");
        System.IO.File.SetUnixFileMode(Path.Combine(_root, path), UnixFileMode.UserRead | UnixFileMode.UserExecute);
    }
}
