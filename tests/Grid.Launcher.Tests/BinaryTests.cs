namespace Grid.Launcher.Tests;

/// <summary>The published binary on laid-out images.</summary>
public sealed class BinaryTests(PublishedLauncher launcher)
{
    private const string Metadata = """
        [[buildpacks]]
        id = "t/new"
        api = "0.10"
        [[buildpacks]]
        id = "t/old"
        api = "0.8"

        [[processes]]
        type = "web"
        command = ["printf", "<%s>\\n", "always"]
        args = ["default"]
        direct = true
        buildpack-id = "t/new"

        [[processes]]
        type = "env"
        command = ["env"]
        direct = true
        buildpack-id = "t/new"

        [[processes]]
        type = "where"
        command = ["pwd"]
        direct = true
        working-dir = "/usr"
        buildpack-id = "t/new"

        [[processes]]
        type = "script"
        command = ["echo \"$0\" $FROM_PROFILE; pwd"]
        direct = false
        working-dir = "/usr"
        buildpack-id = "t/old"

        [[processes]]
        type = "words"
        command = ["printf"]
        args = ["<%s>\\n", "$FROM_PROFILE", "two words"]
        direct = false
        buildpack-id = "t/old"

        [[processes]]
        type = "web.1"
        command = ["echo"]
        args = ["dotted"]
        direct = true
        buildpack-id = "t/new"

        [[processes]]
        type = "status"
        command = ["grep", "-E", "^(SigIgn|SigBlk|Shd)", "/proc/self/status"]
        direct = true
        buildpack-id = "t/new"
        """;

    private AppImage Image(string metadata = Metadata) => new(launcher, metadata);

    [Fact]
    [Spec("platform/launch.process", "platform/launch.link", "platform/launch.args.direct", "buildpack/launch.invoke")]
    public void Start_WithoutArguments_GivesAlwaysAndDefaultArguments()
    {
        using var image = Image();
        image.Start("web").Output.ShouldBe("<always>\n<default>\n");
    }

    [Fact]
    [Spec("platform/launch.args.replace")]
    public void Start_WithArguments_TheyReplaceTheDefaults()
    {
        using var image = Image();
        image.Start("web", "mine", "too").Output.ShouldBe("<always>\n<mine>\n<too>\n");
    }

    [Fact]
    [Spec("platform/api.supported")]
    public void Start_BelowPlatformApi010_ArgumentsAreAlwaysAppended()
    {
        using var image = Image();
        image.Environment["CNB_PLATFORM_API"] = "0.9";
        image.Start("web", "mine").Output.ShouldBe("<always>\n<default>\n<mine>\n");
    }

    [Fact]
    public void Start_TypeWithADot_IsFound()
    {
        using var image = Image();
        image.Start("web.1").Output.ShouldBe("dotted\n");
    }

    [Fact]
    [Spec("platform/launch.dashes", "platform/launch.strategy")]
    public void Start_DirectCommandOfTheUser_RunsWithoutShell()
    {
        using var image = Image();
        image.Start("launcher", "--", "printf", "<%s>", "$HOME x").Output.ShouldBe("<$HOME x>");
    }

    [Fact]
    [Spec("platform/launch.shell", "platform/launch.strategy")]
    public void Start_CommandOfTheUser_IsAScript()
    {
        using var image = Image();
        image.Environment["NAME"] = "value";
        image.Start("launcher", "echo $NAME; pwd").Lines.ShouldBe(["value", image.App]);
    }

    [Fact]
    [Spec("platform/launch.shell")]
    public void Start_CommandOfTheUserWithArguments_ExpandsEachAsOneWord()
    {
        using var image = Image();
        image.Environment["NAME"] = "a  b";
        image.Start("launcher", "printf", "<%s>", "$NAME", "c d").Output.ShouldBe("<a  b><c d>");
    }

    [Fact]
    [Spec("platform/launch.profile", "platform/launch.old.direct", "platform/launch.link.workdir", "platform/launch.workdir")]
    public void Start_ShellProcess_SourcesProfilesInTheAppAndRunsInItsDirectory()
    {
        using var image = Image();
        image.Write("layers/t_old/l/profile.d/a.sh", "FROM_PROFILE=$(pwd); export FROM_PROFILE")
            .Write("layers/t_old/l/profile.d/script/b.sh", "FROM_PROFILE=$FROM_PROFILE-b")
            .Write("layers/t_old/l/profile.d/words/no.sh", "FROM_PROFILE=wrong")
            .Write("app/.profile", "FROM_PROFILE=$FROM_PROFILE-app");
        image.Start("script").Lines.ShouldBe(["bash " + image.App + "-b-app", "/usr"]);
    }

    [Fact]
    [Spec("platform/launch.old.append")]
    public void Start_ShellProcessWithArguments_ExpandsVariablesOfProfiles()
    {
        using var image = Image();
        image.Write("app/.profile", "export FROM_PROFILE='x y'");
        image.Start("words", "tail").Output.ShouldBe("<x y>\n<two words>\n<tail>\n");
    }

    [Fact]
    public void Start_ProfileWithAQuoteInItsName_IsSourcedAndNotRunAsCode()
    {
        using var image = Image();
        image.Write("layers/t_old/l/profile.d/it's $(echo bad >&2).sh", "export FROM_PROFILE=fine");
        var outcome = image.Start("script");
        outcome.Output.ShouldStartWith("bash fine\n");
        outcome.Errors.ShouldBeEmpty();
    }

    [Fact]
    [Spec("platform/launch.hidden", "platform/launch.path", "platform/launch.inherit")]
    [Decision(27)]
    public void Start_Environment_LosesTheLaunchersOwnNames()
    {
        using var image = Image();
        image.Environment["CNB_DEPRECATION_MODE"] = "warn";
        image.Environment["KEPT"] = "a=b";
        image.Environment["CNB_EXEC_ENV"] = "production";
        image.Start("env").Lines.ShouldBe(["CNB_EXEC_ENV=production", "KEPT=a=b", "PATH=/usr/bin:/bin"]);
    }

    [Fact]
    [Spec("platform/launch.env", "platform/launch.modifications", "buildpack/launch.env", "buildpack/launch.access")]
    [Spec("buildpack/env.layers.launch", "buildpack/env.launch-files", "buildpack/types.launch")]
    [Decision(28)]
    public void Start_Layers_AddDirectoriesFirstAndThenFiles()
    {
        using var image = Image();
        image.Environment["V"] = "image";
        foreach (var layer in (string[])["a", "b"])
        {
            Directory.CreateDirectory($"{image.Layers}/t_new/{layer}/bin");
            Directory.CreateDirectory($"{image.Layers}/t_new/{layer}/lib");
            image.Write($"layers/t_new/{layer}/env/V.append", layer).Write($"layers/t_new/{layer}/env/V.delim", ",");
        }
        image.Write("layers/t_new/a/env.launch/env/TYPED", "yes")
            .Write("layers/t_new/a/env.launch/web/TYPED", "no")
            .Write("layers/t_new/a/env.build/BUILT", "no")
            .Write("layers/t_new/b/env.launch/PATH.prepend", "/first:");
        var layers = image.Layers + "/t_new/";
        image.Start("env").Lines.ShouldBe([
            $"LD_LIBRARY_PATH={layers}b/lib:{layers}a/lib",
            $"PATH=/first:{layers}b/bin:{layers}a/bin:/usr/bin:/bin",
            "TYPED=yes",
            "V=image,a,b",
        ]);
    }

    [Fact]
    [Spec("platform/launch.exec-d", "platform/launch.exec-d.process", "buildpack/launch.exec-d", "buildpack/exec-d.fd")]
    public void Start_ExecD_SetsVariablesInOrderAndInheritsStreams()
    {
        using var image = Image();
        image.Write("layers/t_new/l/exec.d/1", "#!/bin/sh\npwd\necho noise >&2\necho 'A = \"1\"' >&3\n", executable: true)
            .Write("layers/t_new/l/exec.d/env/2", "#!/bin/sh\nprintf 'B = \"%s2\"\\n' $A >&3\n", executable: true)
            .Write("layers/t_new/l/exec.d/web/3", "#!/bin/sh\nexit 1\n", executable: true);
        var outcome = image.Start("env");
        outcome.Lines.ShouldBe([image.App, "A=1", "B=12", "PATH=/usr/bin:/bin"]);
        outcome.Errors.ShouldBe("noise\n");
    }

    [Theory]
    [InlineData("exit 7", "failed with exit code 7")]
    [InlineData("kill -9 $$", "was ended by signal 9")]
    [InlineData("echo 'A = 1' >&3", "'A' must be a string")]
    [InlineData("echo 'A = ' >&3", ":1: a value is missing")]
    [InlineData("echo '\"A=B\" = \"x\"' >&3", "'A=B' cannot be the name of a variable")]
    [Spec("buildpack/exec-d.value", "buildpack/exec-d.name")]
    public void Start_ExecDFails_SaysWhichAndExits82(string script, string message)
    {
        using var image = Image();
        image.Write("layers/t_new/l/exec.d/prog", "#!/bin/sh\n" + script + "\n", executable: true);
        var outcome = image.Start("env");
        outcome.ExitCode.ShouldBe(82);
        outcome.Errors.ShouldContain("exec.d/prog");
        outcome.Errors.ShouldContain(message);
    }

    [Fact]
    [Spec("platform/launch.link.workdir", "platform/launch.workdir")]
    public void Start_WorkingDirectoryOfTheProcess_IsUsed()
    {
        using var image = Image();
        image.Start("where").Output.ShouldBe("/usr\n");
    }

    [Fact]
    public void Start_ValuesThatAreNotUtf8_ArriveUnchanged()
    {
        using var image = Image();
        image.Start("launcher", "--", "sh", "-c", "exec env V=$(printf '\\375\\374') " + launcher.Path + " -- printenv V").ExitCode.ShouldBe(11);
        image.Start("launcher", "--", "sh", "-c",
            $"CNB_PLATFORM_API=0.13 CNB_LAYERS_DIR={image.Layers} CNB_APP_DIR={image.App} V=$(printf '\\375\\374') exec {launcher.Path} -- printenv V")
            .Output.ShouldBe("\u00fd\u00fc\n");
    }

    [Fact]
    public void Start_SignalsOfTheApp_AreTheDefault()
    {
        using var image = Image();
        // What whoever started us ignores is handed on (SIGINT and SIGQUIT by a shell for its background jobs, SIGHUP by nohup); SIGPIPE, which .NET ignores for itself, is not.
        const ulong Pipe = 1UL << 12;
        var ours = Ignored(File.ReadAllLines("/proc/self/status"));
        (Ignored(image.Start("status").Lines) & (~ours | Pipe)).ShouldBe(0UL);
        image.Start("status").Lines.ShouldContain("SigBlk:\t0000000000000000");
    }

    private static ulong Ignored(IEnumerable<string> status) =>
        Convert.ToUInt64(status.Single(l => l.StartsWith("SigIgn:", StringComparison.Ordinal))["SigIgn:\t".Length..], 16);

    [Fact]
    public void Start_Umask_IsSetFromTheEnvironment()
    {
        using var image = Image();
        image.Write("layers/t_new/l/env/UMASK", "0077");
        image.Start("launcher", "umask").Output.ShouldBe("0077\n");
    }

    [Theory]
    [InlineData(null, 11, "CNB_PLATFORM_API is not set")]
    [InlineData("0.6", 11, "'0.6' is not supported")]
    [InlineData("1.0", 11, "'1.0' is not supported")]
    [Spec("platform/api.unsupported")]
    public void Start_PlatformApiOutOfRange_Exits11(string? api, int code, string message)
    {
        using var image = Image();
        image.Environment["CNB_PLATFORM_API"] = api;
        var outcome = image.Start("web");
        outcome.ExitCode.ShouldBe(code);
        outcome.Errors.ShouldContain(message);
    }

    [Fact]
    [Spec("buildpack/api.unsupported")]
    public void Start_BuildpackApiOutOfRange_Exits12()
    {
        using var image = Image("[[buildpacks]]\nid = \"t/x\"\napi = \"0.99\"\n");
        var outcome = image.Start("web", "ls");
        outcome.ExitCode.ShouldBe(12);
        outcome.Errors.ShouldContain("buildpack 't/x' has API '0.99'");
    }

    [Theory]
    [InlineData("launcher", "", "Process types of the image: web, env")]
    [InlineData("launcher", "--", "there is no default process")]
    [InlineData("launcher", "-- no-such-program", "'no-such-program' is not in PATH (/usr/bin:/bin)")]
    [InlineData("launcher", "-- ./missing", "./missing (from ")]
    [InlineData("launcher", "-- /etc/passwd", "/etc/passwd is not an executable file")]
    public void Start_NothingThatCanRun_Exits82AndSaysWhy(string invokedAs, string args, string message)
    {
        using var image = Image();
        var outcome = image.Start(invokedAs, args.Split(' ', StringSplitOptions.RemoveEmptyEntries));
        outcome.ExitCode.ShouldBe(82);
        outcome.Errors.ShouldContain(message);
    }

    [Fact]
    public void Start_RelativeDirectoryInPath_IsNotSearched()
    {
        using var image = Image();
        image.Write("app/evil", "#!/bin/sh\necho evil\n", executable: true);
        image.Environment["PATH"] = ".::/usr/bin:/bin";
        image.Start("launcher", "--", "evil").ExitCode.ShouldBe(82);
    }

    [Fact]
    public void Start_ProcessTypeInTheEnvironment_IsIgnoredWithAWarning()
    {
        using var image = Image();
        image.Environment["CNB_PROCESS_TYPE"] = "env";
        var outcome = image.Start("web");
        outcome.Output.ShouldBe("<always>\n<default>\n");
        outcome.Errors.ShouldContain("CNB_PROCESS_TYPE is not supported");
    }

    [Fact]
    [Spec("platform/launch.profile.order", "platform/launch.profile")]
    public void Start_Profiles_AreSourcedByBuildpackThenLayerThenFile_AndTheProcessesBehind()
    {
        using var image = Image();
        foreach (var file in (string[])["t_old/b/profile.d/1", "t_old/a/profile.d/script/3", "t_old/a/profile.d/2", "t_new/z/profile.d/9", "t_old/a/profile.d/1"])
            image.Write("layers/" + file, $"export FROM_PROFILE=\"$FROM_PROFILE {file}\"");
        image.Write("app/.profile", "export FROM_PROFILE=\"$FROM_PROFILE app\"");

        image.Start("script").Lines[0].ShouldBe("bash t_new/z/profile.d/9 t_old/a/profile.d/1 t_old/a/profile.d/2 t_old/a/profile.d/script/3 t_old/b/profile.d/1 app");
    }

    [Fact]
    [Spec("platform/launch.exec-d", "platform/launch.exec-d.process")]
    public void Start_ExecD_RunsByBuildpackThenLayerThenFile()
    {
        using var image = Image();
        foreach (var file in (string[])["t_old/b/exec.d/1", "t_old/a/exec.d/env/3", "t_old/a/exec.d/2", "t_new/z/exec.d/9", "t_old/a/exec.d/1"])
            image.Write("layers/" + file, $"#!/bin/sh\nprintf 'ORDER = \"%s {file}\"' \"$ORDER\" >&3\n", executable: true);

        image.Start("env").Lines.ShouldContain("ORDER= t_new/z/exec.d/9 t_old/a/exec.d/1 t_old/a/exec.d/2 t_old/a/exec.d/env/3 t_old/b/exec.d/1");
    }

    [Theory]
    [InlineData("--", "/bin/sh", "-c", "echo $PPID")]
    [InlineData("echo $PPID")]
    [Spec("platform/launch.exec", "platform/launch.exec-bash", "buildpack/launch.replace-process")]
    public void Start_TheProcess_TakesTheLaunchersPlace(params string[] arguments)
    {
        using var image = Image();

        // Its parent is who started the launcher: nothing stands between.
        image.Start("launcher", arguments).Lines.ShouldBe([Environment.ProcessId.ToString()]);
    }

    [Fact]
    [Spec("platform/launch.exit-code")]
    public void Start_ExitCodeOfTheApp_IsTheContainers()
    {
        using var image = Image();
        image.Start("launcher", "exit 37").ExitCode.ShouldBe(37);
    }
}
