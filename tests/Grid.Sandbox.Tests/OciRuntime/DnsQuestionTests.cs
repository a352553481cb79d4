using System.Buffers.Binary;
using System.Net;
using System.Text;
using Grid.Sandbox.OciRuntime.Networks;

namespace Grid.Sandbox.Tests.OciRuntime;

/// <summary>Messages as processes in sandboxes may send them.</summary>
public sealed class DnsQuestionTests
{
    private static byte[] Query(string name, ushort type = 1, ushort @class = 1)
    {
        var message = new List<byte> { 0xAB, 0xCD, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0 };
        foreach (var label in name.Split('.', StringSplitOptions.RemoveEmptyEntries))
            message.AddRange([(byte)label.Length, .. Encoding.Latin1.GetBytes(label)]);
        message.AddRange([0, (byte)(type >> 8), (byte)type, (byte)(@class >> 8), (byte)@class]);
        return [.. message];
    }

    [Fact]
    public void TryParse_Query_HasNameAndKind()
    {
        var question = DnsQuestion.TryParse(Query("Packages.EXAMPLE.com")).ShouldNotBeNull();
        (question.Name, question.Shown, question.AsksForIPv4, question.IsQuery).ShouldBe(("packages.example.com", "Packages.EXAMPLE.com", true, true));
        var other = DnsQuestion.TryParse(Query("packages.example.com", type: 28)).ShouldNotBeNull();
        (other.AsksForIPv4, other.AsksForAddresses).ShouldBe((false, true));
        DnsQuestion.TryParse(Query("example.com", type: 16)).ShouldNotBeNull().AsksForAddresses.ShouldBeFalse();
        DnsQuestion.TryParse(Query("example.com", @class: 3)).ShouldNotBeNull().IsQuery.ShouldBeFalse();
    }

    [Theory]
    [InlineData("exa mple.com", "exa\\032mple.com")]
    [InlineData("a\0b.com", "a\\000b.com")]
    [InlineData("\u001b[31m.com", "\\027\\09131m.com")]
    [InlineData("caf\u00e9.com", "caf\\233.com")]
    public void TryParse_OddBytes_AreNoHostAndAreShownHarmlessly(string name, string shown)
    {
        var question = DnsQuestion.TryParse(Query(name)).ShouldNotBeNull();
        (question.Name, question.Shown).ShouldBe((null, shown));
    }

    /// <summary>One label with a dot in it is not two labels.</summary>
    [Fact]
    public void TryParse_DotInALabel_IsNoHost()
    {
        byte[] message = [1, 2, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 11, .. "example.com"u8, 0, 0, 1, 0, 1];
        DnsQuestion.TryParse(message).ShouldNotBeNull().Name.ShouldBeNull();
    }

    [Fact]
    public void Answer_HasTheQuestionAndTheAddresses()
    {
        var answer = DnsQuestion.TryParse([.. Query("a.example.com"), 0, 0, 41, 16, 0, 0, 0, 0, 0, 0, 0]).ShouldNotBeNull().Answer(DnsResponse.NoError, [IPAddress.Parse("203.0.113.7"), IPAddress.Parse("203.0.113.8")]);
        Convert.ToHexStringLower(answer).ShouldBe("abcd81800001000200000000" + "0161076578616d706c6503636f6d0000010001"
            + "c00c000100010000001e0004cb007107" + "c00c000100010000001e0004cb007108");
        Convert.ToHexStringLower(DnsQuestion.TryParse(Query("a")).ShouldNotBeNull().Answer(DnsResponse.NameError)).ShouldBe("abcd81830001000000000000" + "01610000010001");
    }

    [Fact]
    public void Answer_LongestNameWithMostAddresses_FitsIntoADatagram()
    {
        var name = string.Join('.', Enumerable.Repeat(new string('a', 63), 3).Append(new string('a', 61)));
        DnsQuestion.TryParse(Query(name)).ShouldNotBeNull().Answer(DnsResponse.NoError, [.. Enumerable.Repeat(IPAddress.Loopback, 12)]).Length.ShouldBeLessThanOrEqualTo(512);
    }

    [Fact]
    public void TryParse_WhatIsNoQuestion_IsNull()
    {
        var query = Query("example.com");
        for (var length = 0; length < query.Length; length++)
            DnsQuestion.TryParse(query.AsSpan(0, length)).ShouldBeNull($"{length} bytes");
        DnsQuestion.TryParse(Changed(2, 0x81)).ShouldBeNull("a response");
        DnsQuestion.TryParse(Changed(5, 0)).ShouldBeNull("no question");
        DnsQuestion.TryParse(Changed(5, 2)).ShouldBeNull("two questions");
        DnsQuestion.TryParse(Changed(7, 1)).ShouldBeNull("an answer");
        DnsQuestion.TryParse(Changed(12, 0xC0)).ShouldBeNull("a pointer");
        DnsQuestion.TryParse(Changed(12, 64)).ShouldBeNull("a label that is too long");
        DnsQuestion.TryParse(Query(string.Join('.', Enumerable.Repeat(new string('a', 63), 5)))).ShouldBeNull("a name that is too long");

        byte[] Changed(int at, byte value)
        {
            var changed = query.ToArray();
            changed[at] = value;
            return changed;
        }
    }

    /// <summary>Whatever comes: nothing is thrown, nothing is read beyond the message, and what is answered is well formed.</summary>
    [Fact]
    public void TryParse_Anything_IsAQuestionOrNot()
    {
        var random = new Random(20261126);
        var seeds = new[] { Query("packages.example.com"), Query("a.b.c.d.e.f"), Query(""), [.. Query("x"), 0, 0, 41, 2, 0, 0, 0, 0, 0, 0, 0] };
        for (var round = 0; round < 100_000; round++)
        {
            var message = seeds[random.Next(seeds.Length)].ToArray();
            for (var changes = random.Next(1, 5); changes > 0; changes--)
                message[random.Next(message.Length)] = (byte)random.Next(256);
            if (random.Next(4) == 0)
                message = message[..random.Next(message.Length + 1)];
            if (DnsQuestion.TryParse(message) is not { } question)
                continue;
            question.Shown.ShouldAllBe(c => c > ' ' && c < 127);
            question.Name?.ShouldAllBe(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-' || c == '_' || c == '.');
            var answer = question.Answer(DnsResponse.NameError);
            BinaryPrimitives.ReadUInt16BigEndian(answer).ShouldBe(BinaryPrimitives.ReadUInt16BigEndian(message));
            message.AsSpan(12, answer.Length - 12).SequenceEqual(answer.AsSpan(12)).ShouldBeTrue();
        }
    }
}
