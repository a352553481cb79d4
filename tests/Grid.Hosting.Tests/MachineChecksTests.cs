using Grid.Hosting.Configuration;
using Grid.Hosting.Doctor;
using Grid.Hosting.Tests.Servers;

namespace Grid.Hosting.Tests;

public sealed class MachineChecksTests(TestServers servers) : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("grid-machine-").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    private MachineChecks Machine(params (string Path, string Text)[] files)
    {
        foreach (var (path, text) in files)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(_root, path))!);
            File.WriteAllText(Path.Combine(_root, path), text);
        }
        return new MachineChecks(_root);
    }

    [Theory]
    [InlineData("6.1.0-32-amd64\n", Health.Ok)]
    [InlineData("5.12.0\n", Health.Ok)]
    [InlineData("5.11.22-generic\n", Health.Missing)]
    [InlineData("4.19.0+\n", Health.Missing)]
    [InlineData("", Health.Missing)]
    public void Kernel_is_new_enough(string release, Health health) => Machine(("proc/sys/kernel/osrelease", release)).Kernel().Health.ShouldBe(health);

    [Theory]
    [InlineData("nodev\tsysfs\nnodev\toverlay\n\text4\n", Health.Ok)]
    [InlineData("nodev\tsysfs\nnodev\tmyoverlay2\n", Health.Missing)]
    public void Overlay_is_known(string fileSystems, Health health) => Machine(("proc/filesystems", fileSystems)).Overlay().Health.ShouldBe(health);

    [Theory]
    [InlineData("cpuset cpu io memory pids\n", Health.Ok)]
    [InlineData("cpuset io\n", Health.Missing)]
    public void Control_groups_of_version_2_have_the_controllers(string controllers, Health health) => Machine(("sys/fs/cgroup/cgroup.controllers", controllers)).ControlGroups().Health.ShouldBe(health);

    [Fact]
    public void Control_groups_of_version_1_have_the_controllers()
    {
        Machine(("sys/fs/cgroup/cpu/tasks", ""), ("sys/fs/cgroup/memory/tasks", ""), ("sys/fs/cgroup/pids/tasks", "")).ControlGroups().Health.ShouldBe(Health.Ok);
        Directory.Delete(Path.Combine(_root, "sys/fs/cgroup/pids"), recursive: true);
        new MachineChecks(_root).ControlGroups().Detail.ShouldContain("pids");
    }

    [Theory]
    [InlineData("/dev/vda1 / ext4 rw 0 0\n", "vda1-8", Health.Ok)]
    [InlineData("/dev/vda1 / ext4 rw 0 0\n", "sda-8", Health.Advice)]
    [InlineData("/dev/vda1 / ext4 rw 0 0\n/dev/sdb /data xfs rw 0 0\n", "sda-8", Health.Ok)]
    public void Disk_of_the_data_has_a_journal(string mounts, string journal, Health health)
    {
        Directory.CreateDirectory(Path.Combine(_root, "proc/fs/jbd2", journal));
        Machine(("proc/self/mounts", mounts)).Journal("/data/grid").Health.ShouldBe(health);
    }

    [Fact]
    public void Data_directory_that_cannot_be_written_is_named()
    {
        File.WriteAllText(Path.Combine(_root, "file"), "");
        var finding = MachineChecks.DataDirectory(Path.Combine(_root, "file", "data")).ShouldHaveSingleItem();

        finding.Health.ShouldBe(Health.Missing);
        finding.Mend!.ShouldContain("--data-dir");
    }

    [Fact]
    public void Programs_of_git_sources_are_found_or_say_which_package_has_them()
    {
        var directory = Directory.CreateDirectory(Path.Combine(_root, "bin")).FullName;
        File.WriteAllText(Path.Combine(directory, "git"), "");

        var findings = ProgramChecks.Of($"/nowhere:{directory}").ToDictionary(f => f.Name);

        findings["git"].ShouldBe(new Finding("git", Health.Ok, Path.Combine(directory, "git")));
        (findings["ssh"].Health, findings["ssh"].Mend).ShouldBe((Health.Advice, "apt-get install openssh-client"));
        findings["setpriv"].Health.ShouldBe(Health.Advice);
    }

    [Fact]
    public void What_is_missing_says_what_mends_it() => Machine(("proc/filesystems", "")).All().Where(f => f.Health == Health.Missing).ShouldAllBe(f => f.Mend!.Length > 10);

    [Fact]
    public async Task Services_that_answer_are_well_and_others_are_named()
    {
        var good = Sample.Node with { RedisConnection = await servers.RedisAsync(), AzureConnection = await servers.AzureAsync(), PostgreSqlConnection = await servers.PostgreSqlAsync(), ContentDirectory = Path.Combine(_root, "shared"),
        };
        (await Task.WhenAll(StorageChecks.Of(good, TestContext.Current.CancellationToken))).ShouldAllBe(f => f.Health == Health.Ok);

        var port = LoopbackPort.Free();
        var bad = Sample.Node with { RedisConnection = $"127.0.0.1:{port}", PostgreSqlConnection = $"Host=127.0.0.1;Port={port};Username=x", AzureConnection = $"http://127.0.0.1:{port}/account", ContentDirectory = "/proc/none",
        };
        var findings = await Task.WhenAll(StorageChecks.Of(bad, TestContext.Current.CancellationToken));
        findings.Length.ShouldBe(4);
        findings.ShouldAllBe(f => f.Health == Health.Missing && f.Mend!.Contains("GRID_"));
    }
}
