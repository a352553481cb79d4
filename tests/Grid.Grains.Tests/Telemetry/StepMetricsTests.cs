using Grid.Contracts.Steps;
using Grid.Grains.Steps;

namespace Grid.Grains.Tests.Telemetry;

/// <summary>Why a step ran, in words that no tenant wrote.</summary>
public sealed class StepMetricsTests
{
    [Theory]
    [InlineData("no build has run it before", "first")]
    [InlineData("the cache no longer has it", "evicted")]
    [InlineData("its cached layer was damaged", "layer_lost")]
    [InlineData("its cached layer is gone", "layer_lost")]
    [InlineData("its cached result of 2026-01-01 is older than 14 days", "expired")]
    [InlineData("the build refreshes its extensions", "refresh")]
    [InlineData("ARG secret_name changed", "argument")]
    [InlineData("the order of fields changed", "other")]
    [InlineData("it differs from the app's last build", "other")]
    public void ReasonOf_Words_IsOneOfASmallSet(string reason, string word) => StepMetrics.ReasonOf(new StepMiss { Reason = reason }).ShouldBe(word);

    [Theory]
    [InlineData("parent layers", "parent")]
    [InlineData("instruction", "instruction")]
    [InlineData("ENV TOKEN", "environment")]
    [InlineData("file package.json", "files")]
    [InlineData("URL https://tenant.example/x", "url")]
    [InlineData("mount /cache", "mount")]
    [InlineData("canary", "other")]
    public void ReasonOf_ChangedField_IsItsKind(string field, string word) =>
        StepMetrics.ReasonOf(new StepMiss { Reason = field + " changed", Changed = [new ChangedField(field, "a", "b")] }).ShouldBe(word);
}
