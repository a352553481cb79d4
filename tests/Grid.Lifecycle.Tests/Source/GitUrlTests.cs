using Grid.Lifecycle.Source;

namespace Grid.Lifecycle.Tests.Source;

public sealed class GitUrlTests
{
    [Theory]
    [InlineData("https://git.example/team/app.git", "https://git.example/team/app.git", 443)]
    [InlineData("https://git.example:8443/app", "https://git.example:8443/app", 8443)]
    [InlineData("ssh://git@git.example/app", "ssh://git@git.example/app", 22)]
    [InlineData("git@git.example:team/app.git", "git@git.example:team/app.git", 22)]
    [InlineData("http://127.0.0.1:3000/app", "http://127.0.0.1:3000/app", 3000)]
    public void Parse_WhatCanBeCloned_IsTaken(string text, string url, int port)
    {
        var parsed = GitUrl.Parse(text);

        (parsed.ToString(), parsed.Port).ShouldBe((url, port));
    }

    [Theory]
    [InlineData("file:///etc")]
    [InlineData("/etc")]
    [InlineData("../app")]
    [InlineData("git://git.example/app")]
    [InlineData("ext::sh -c id")]
    [InlineData("ext::id")]
    [InlineData("http://git.example/app")]
    [InlineData("https://git.example")]
    [InlineData("https://git.example/app?x=1")]
    [InlineData("https://git.example/app#main")]
    [InlineData("ssh://-oProxyCommand=id@git.example/app")]
    [InlineData("ssh://-oProxyCommand=id/app")]
    [InlineData("-oProxyCommand=id@git.example:app")]
    [InlineData("https://git.example/a\nb")]
    [InlineData("")]
    public void Parse_EverythingElse_IsRefused(string text) => Should.Throw<FormatException>(() => GitUrl.Parse(text));

    [Theory]
    [InlineData("https://user:hunter2@git.example/app")]
    [InlineData("https://hunter2@git.example/app")]
    [InlineData("ftp://user:hunter2@git.example/app")]
    [InlineData("ssh://user:hunter2@git.example/app")]
    public void Parse_Credentials_AreRefusedAndNotRepeated(string text) => Should.Throw<FormatException>(() => GitUrl.Parse(text)).Message.ShouldNotContain("hunter2");

    [Theory]
    [InlineData("main", true)]
    [InlineData("refs/heads/feature/x", true)]
    [InlineData("v1.2.3+build", true)]
    [InlineData("0123456789abcdef0123456789abcdef01234567", true)]
    [InlineData("--upload-pack=id", false)]
    [InlineData("a..b", false)]
    [InlineData("a b", false)]
    [InlineData("main:refs/heads/x", false)]
    [InlineData("+main", false)]
    [InlineData("HEAD^", false)]
    [InlineData("", false)]
    public void IsRevision_OptionsAndExpressions_AreNone(string text, bool isOne) => GitUrl.IsRevision(text).ShouldBe(isOne);

    [Theory]
    [InlineData("apps/web", true)]
    [InlineData("..", false)]
    [InlineData("a/../b", false)]
    [InlineData("/a", false)]
    [InlineData("a//b", false)]
    [InlineData(".git", false)]
    [InlineData("", false)]
    public void IsPath_WhatLeadsOut_IsNone(string text, bool isOne) => GitUrl.IsPath(text).ShouldBe(isOne);
}
