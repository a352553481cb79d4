namespace Grid.Dockerfiles.Planning;

public sealed class ModeChangeTests
{
    [Theory]
    [InlineData("644", "755", false, "644")]
    [InlineData("04755", "0", false, "4755")]
    [InlineData("u=rwX,go=rX", "600", false, "644")]
    [InlineData("u=rwX,go=rX", "700", false, "755")]
    [InlineData("u=rwX,go=rX", "700", true, "755")]
    [InlineData("+x", "644", false, "755")]
    [InlineData("a-w", "666", false, "444")]
    [InlineData("go-rwx,u+s", "755", false, "4700")]
    [InlineData("g=u", "740", false, "770")]
    [InlineData("g=u-w", "760", false, "750")]
    [InlineData("o=", "777", false, "770")]
    [InlineData("+t", "755", true, "1755")]
    [InlineData("u=rwx,g=s,o=", "777", false, "2700")]
    [InlineData("u=rwx", "4755", true, "4755")]
    [InlineData("u=rwx", "4755", false, "755")]
    public void Apply_AsChmodDoes(string change, string before, bool isDirectory, string after) =>
        Convert.ToString(ModeChange.Parse(change).Apply(Convert.ToInt32(before, 8), isDirectory), 8).ShouldBe(after);

    [Theory]
    [InlineData("")]
    [InlineData("8")]
    [InlineData("17777")]
    [InlineData("0000644")]
    [InlineData("u")]
    [InlineData("u+q")]
    [InlineData("rwx")]
    [InlineData("u+x,")]
    [InlineData("-1")]
    [InlineData("0x1ff")]
    public void Parse_WhatIsNoMode_IsRefused(string text) => Should.Throw<FormatException>(() => ModeChange.Parse(text)).Message.ShouldContain("invalid chmod parameter");
}
