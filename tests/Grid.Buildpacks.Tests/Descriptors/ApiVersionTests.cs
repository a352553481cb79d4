using Grid.Buildpacks.Descriptors;

namespace Grid.Buildpacks.Tests.Descriptors;

public sealed class ApiVersionTests
{
    [Theory]
    [InlineData("0.12", "0.12")]
    [InlineData("1", "1.0")]
    [InlineData("0.18446744073709551615", "0.18446744073709551615")]
    [Spec("platform/api.form", "buildpack/api.form", "buildpack/api.digits", "buildpack/descriptor.api-form")]
    public void TryParse_MajorOrBoth_IsAVersion(string text, string version)
    {
        ApiVersion.TryParse(text, out var parsed).ShouldBeTrue();
        parsed.ToString().ShouldBe(version);
    }

    [Theory]
    [InlineData("")]
    [InlineData(null)]
    [InlineData("0.")]
    [InlineData(".1")]
    [InlineData("0.1.2")]
    [InlineData("-1.0")]
    [InlineData("+1")]
    [InlineData(" 0.1")]
    [InlineData("0.1a")]
    [InlineData("0.٣")]
    [InlineData("0.18446744073709551616")]
    [Spec("platform/api.form", "buildpack/api.form", "buildpack/api.digits")]
    public void TryParse_AnythingElse_IsNone(string? text) => ApiVersion.TryParse(text, out _).ShouldBeFalse();

    [Fact]
    public void Compare_IsByNumbers()
    {
        (new ApiVersion(0, 9) < new ApiVersion(0, 10)).ShouldBeTrue();
        new ApiVersion(1, 0).IsSupportedBuildpack.ShouldBeFalse();
    }
}
