using System.Text;
using Grid.Contracts.Secrets;

namespace Grid.Grains.Tests.Secrets;

public sealed class SecretKeyRingTests
{
    private static readonly string Old = SecretKeyRing.NewEntry("old");
    private static readonly string New = SecretKeyRing.NewEntry("new");
    private static readonly DateTimeOffset Now = DateTimeOffset.UnixEpoch;

    private static SealedSecret Seal(SecretKeyRing keys, string value = "value") => keys.Seal("red", SecretKind.Mount, "token", Encoding.UTF8.GetBytes(value), Now, "key:1");

    [Fact]
    public void Open_GivesBackWhatWasSealed_AndTheBoxShowsNothingOfIt()
    {
        var keys = SecretKeyRing.Parse(Old);
        var secret = Seal(keys, "canary-1234");

        Encoding.UTF8.GetString(keys.Open("red", secret)).ShouldBe("canary-1234");
        secret.Box.AsSpan().IndexOf("canary"u8).ShouldBe(-1);
        // A nonce is used once.
        Seal(keys, "canary-1234").Box.ShouldNotBe(secret.Box);
        secret.ToString().ShouldNotContain("canary");
    }

    [Fact]
    public void Open_WhereItDoesNotBelong_Fails()
    {
        var keys = SecretKeyRing.Parse($"{New},{Old}");
        var secret = Seal(keys);
        var flipped = secret with { Box = [.. secret.Box[..^1], (byte)(secret.Box[^1] ^ 1)] };

        foreach (var (owner, moved) in new[]
        {
            ("blue", secret), ("red/0", secret), ("red", secret with { Name = "other" }), ("red", secret with { Kind = SecretKind.Registry }), ("red", secret with { KeyId = "old" }), ("red", flipped),
            ("red", secret with { Box = secret.Box[..20] }),
        })
            Should.Throw<SecretKeyException>(() => keys.Open(owner, moved)).Message.ShouldContain(moved.Name);
    }

    [Fact]
    public void Rotation_NewKeySeals_OldKeyStillOpens_AndAMissingOneIsNamed()
    {
        var before = Seal(SecretKeyRing.Parse(Old));
        var keys = SecretKeyRing.Parse($"{New}\n{Old}\n");

        keys.CurrentId.ShouldBe("new");
        Encoding.UTF8.GetString(keys.Open("red", before)).ShouldBe("value");
        Seal(keys).KeyId.ShouldBe("new");
        Should.Throw<SecretKeyException>(() => SecretKeyRing.Parse(New).Open("red", before)).Message.ShouldContain("'old'");
    }

    [Fact]
    public void Seal_WithoutAKey_SaysWhatToSet() => Should.Throw<SecretKeyException>(() => Seal(SecretKeyRing.None)).Message.ShouldContain("secrets.key-file");

    [Theory]
    [InlineData("secret-text")]
    [InlineData("id:c2hvcnQ=")]
    [InlineData(":AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")]
    [InlineData("a/b:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")]
    public void Parse_WhatIsNoKey_SaysWhichEntry_AndShowsNothingOfIt(string text)
    {
        var error = Should.Throw<FormatException>(() => SecretKeyRing.Parse($"{Old} {text}"));
        error.Message.ShouldContain("entry 2");
        error.Message.ShouldNotContain(text);
    }

    [Fact]
    public void Parse_TwoKeysWithOneId_AreRefused() => Should.Throw<FormatException>(() => SecretKeyRing.Parse($"{Old},{Old}")).Message.ShouldContain("'old'");
}
