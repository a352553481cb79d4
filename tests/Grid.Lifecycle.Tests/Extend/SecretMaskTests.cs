using System.Text;
using CsCheck;
using Grid.Lifecycle.Extend;
using Grid.Sandbox;

namespace Grid.Lifecycle.Tests.Extend;

public sealed class SecretMaskTests
{
    private const string Secret = "s3cret-value";

    [Theory]
    [InlineData("token=s3cret-value\n", "token=***\n")]
    [InlineData("s3cret-values3cret-value", "******")]
    [InlineData("s3cret-valu\n", "s3cret-valu\n")]
    [InlineData("s3cret-s3cret-value.", "s3cret-***.")]
    [InlineData("s3cret-value", "***")]
    [InlineData("s3cret", "s3cret")]
    [InlineData("S3CRET-VALUE czNjcmV0LXZhbHVl", "S3CRET-VALUE czNjcmV0LXZhbHVl")]
    public void Write_AnyCut_MasksTheSame(string text, string expected)
    {
        for (var size = 1; size <= text.Length; size++)
            Masked([Secret], text, size).ShouldBe(expected, $"pieces of {size}");
    }

    [Fact]
    public void Write_LineEndsAroundAFile_DoNotCount() => Masked(["  \n" + Secret + "\r\n"], $"<{Secret}>", 3).ShouldBe("<***>");

    [Fact]
    public void Write_ValueWithLines_MasksItAndItsLongLines()
    {
        const string Key = "-----BEGIN KEY-----\nabcdefghijkl\nshort\nmnopqrstuvwx\n-----END KEY-----\n";
        Masked([Key], "a\n" + Key + "b", 5).ShouldBe("a\n***\nb");
        Masked([Key], "got abcdefghijkl and short and mnopqrstuvwx", 4).ShouldBe("got *** and short and ***");
        // The whole value is waited for: its short lines do not show behind the first.
        Masked([Key], Key[..^3] + "?", 1).ShouldBe("***\n***\nshort\n***\n-----END KEY---?");
    }

    [Fact]
    public void Write_ValuesThatOverlap_AreAllMasked() => Masked(["abcdef", "defghi"], "x abcdefghi y", 2).ShouldBe("x *** y");

    [Fact]
    public void Write_ShortValue_IsNotMasked()
    {
        Masked(["abc\n"], "abcabc", 1).ShouldBe("abcabc");
        SecretMask.IsTooShort("abc\n"u8.ToArray()).ShouldBeTrue();
        SecretMask.IsTooShort("abcd"u8.ToArray()).ShouldBeFalse();
    }

    [Fact]
    public void Write_WhatCannotBeASecret_IsPassedOnAtOnce()
    {
        var output = new Recorder();
        var mask = new SecretMask(output, [Encoding.UTF8.GetBytes(Secret)]);
        mask.Write("progress 10% s3"u8, isError: false);
        output.Standard.ShouldBe("progress 10% ");
        mask.Write("x"u8, isError: false);
        output.Standard.ShouldBe("progress 10% s3x");
    }

    [Fact]
    public void Write_HalvesOnTwoStreams_AreNotOneValue()
    {
        var output = new Recorder();
        var mask = new SecretMask(output, [Encoding.UTF8.GetBytes(Secret)]);
        mask.Write("s3cret-"u8, isError: false);
        mask.Write("s3cret-value"u8, isError: true);
        mask.Write("value"u8, isError: false);
        mask.Flush();
        (output.Standard, output.Error).ShouldBe(("***", "***"));
    }

    [Fact]
    public void Write_AnyTextInAnyPieces_ShowsNoSecretAndIsAsInOnePiece() =>
        Gen.Select(Gen.String[Gen.Char["abc\n"], 4, 9].Array[1, 3], Gen.String[Gen.Char["abc\n"], 0, 60], Gen.Int[1, 9]).Sample((secrets, text, size) =>
        {
            var masked = Masked(secrets, text, size);
            return masked == Masked(secrets, text, text.Length + 1)
                && secrets.Select(secret => secret.Trim(' ', '\n')).All(secret => secret.Length < SecretMask.MinLength || !masked.Contains(secret, StringComparison.Ordinal));
        });

    private static string Masked(string[] secrets, string text, int size)
    {
        var output = new Recorder();
        var mask = new SecretMask(output, secrets.Select(Encoding.UTF8.GetBytes));
        foreach (var piece in Encoding.UTF8.GetBytes(text).Chunk(size))
            mask.Write(piece, isError: false);
        mask.Flush();
        return output.Standard;
    }

    private sealed class Recorder : IProcessOutput
    {
        public string Standard { get; private set; } = "";

        public string Error { get; private set; } = "";

        public void Write(ReadOnlySpan<byte> bytes, bool isError)
        {
            var text = Encoding.UTF8.GetString(bytes);
            (Standard, Error) = isError ? (Standard, Error + text) : (Standard + text, Error);
        }
    }
}
