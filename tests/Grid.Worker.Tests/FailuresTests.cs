using Grid.Buildpacks;
using Grid.Contracts.Work;
using Grid.Lifecycle.Extend;
using Grid.Sandbox;
using Orleans.Runtime;

namespace Grid.Worker.Tests;

public sealed class FailuresTests
{
    private static readonly AnalyzeWork Analyze = Bench.Work();
    private static readonly RestoreWork Restore = new() { Handle = "h", BuildKey = "t/b", Owner = default, Analyzed = null!, Group = null! };

    [Fact]
    public void Lifecycle_KeepsItsCode() =>
        Failures.Describe(Analyze, new LifecycleException(ExitCode.BuildError, "m")).ShouldBe(new((int)ExitCode.BuildError, "m"));

    [Fact]
    public void Step_KeepsItsOutput()
    {
        var failure = Failures.Describe(Analyze, new StepFailedException("exit 1", "E: nothing"));

        failure.ExitCode.ShouldBe((int)ExitCode.ExtendError);
        failure.Output.ShouldBe("E: nothing");
    }

    [Theory]
    [InlineData(28)]
    [InlineData(122)]
    public void Disk_FullSaysSo(int errno)
    {
        var failure = Failures.Describe(Restore, new IOException("No space left on device") { HResult = errno });

        failure.ExitCode.ShouldBe((int)ExitCode.RestoreError);
        failure.Message.ShouldStartWith("the disk is full");
    }

    [Fact]
    public void Expected_HasThePhasesCodeAndItsOwnWords() =>
        Failures.Describe(Restore, new SandboxException("no runtime")).ShouldBe(new((int)ExitCode.RestoreError, "no runtime"));

    [Fact]
    public void Unexpected_NamesItsType()
    {
        var error = new InvalidOperationException("impossible");

        Failures.IsExpected(error).ShouldBeFalse();
        Failures.Describe(Analyze, error).Message.ShouldBe("unexpected error (InvalidOperationException): impossible");
    }
}
