using System.Net;
using Grid.Oci.Network;

namespace Grid.Oci.Tests.Network;

public sealed class EgressListTests
{
    [Theory]
    [InlineData("packages.example.com", "packages.example.com", true)]
    [InlineData("packages.example.com", "PACKAGES.Example.com.", true)]
    [InlineData("Packages.Example.com.", "packages.example.com", true)]
    [InlineData("packages.example.com", "a.packages.example.com", false)]
    [InlineData("packages.example.com", "packages.example.com.evil.test", false)]
    [InlineData("packages.example.com", "packages.example.co", false)]
    [InlineData("*.example.com", "a.example.com", true)]
    [InlineData("*.example.com", "a.b.EXAMPLE.com", true)]
    [InlineData("*.example.com", "example.com", false)]
    [InlineData("*.example.com", ".example.com", false)]
    [InlineData("*.example.com", "evilexample.com", false)]
    [InlineData("*.example.com", "example.com.evil.test", false)]
    [InlineData("bücher.example", "xn--bcher-kva.example", true)]
    [InlineData("xn--bcher-kva.example", "BÜCHER.example", true)]
    [InlineData("*.bücher.example", "a.xn--bcher-kva.example", true)]
    [InlineData("localregistry", "localregistry", true)]
    [InlineData("packages.example.com", "packages.example.com..", false)]
    [InlineData("packages.example.com", "packages.example.com\0", false)]
    [InlineData("packages.example.com", "", false)]
    [InlineData("203.0.113.0/24", "203.0.113.7", true)]
    [InlineData("203.0.113.0/24", "203.0.114.7", false)]
    [InlineData("203.0.113.7", "203.0.113.7", true)]
    [InlineData("203.0.113.7", "203.0.113.8", false)]
    [InlineData("packages.example.com", "203.0.113.7", false)]
    [InlineData("203.0.113.7", "::ffff:203.0.113.7", true)]
    public void Allows_ComparesWholeNamesAndAddresses(string entry, string host, bool allowed) => EgressList.Parse([entry]).Allows(host, 443).ShouldBe(allowed);

    [Theory]
    [InlineData("packages.example.com:443", 443, true)]
    [InlineData("packages.example.com:443", 80, false)]
    [InlineData("packages.example.com", 80, true)]
    public void Allows_EntryWithAPort_MeansThatPortOnly(string entry, int port, bool allowed)
    {
        EgressList.Parse([entry]).Allows("packages.example.com", port).ShouldBe(allowed);
        EgressList.Parse([entry.Replace("packages.example.com", "203.0.113.0/24", StringComparison.Ordinal)]).Allows("203.0.113.9", port).ShouldBe(allowed);
    }

    [Theory]
    [InlineData("", "is no destination")]
    [InlineData("*", "is no destination")]
    [InlineData("*example.com", "is no destination")]
    [InlineData("a.*.example.com", "is no destination")]
    [InlineData("https://example.com", "a port is a number")]
    [InlineData("example.com/path", "is no block")]
    [InlineData("exa mple.com", "is no destination")]
    [InlineData("example..com", "is no destination")]
    [InlineData("example.com:0", "a port is a number")]
    [InlineData("example.com:65536", "a port is a number")]
    [InlineData("203.0.113.7/24", "is no block")]
    [InlineData("203.0.113.0/33", "is no block")]
    [InlineData("0.0.0.0/0", "is every address")]
    [InlineData("203.0.300.1", "write its four numbers")]
    [InlineData("127.1", "write its four numbers")]
    [InlineData("2130706433", "write its four numbers")]
    [InlineData("127.0.0.1", "never reached")]
    [InlineData("127.0.0.0/24", "never reached")]
    [InlineData("169.254.169.254", "never reached")]
    [InlineData("239.1.2.3", "never reached")]
    [InlineData("2001:db8::/32", "IPv4 only")]
    [InlineData("::1", "IPv4 only")]
    public void Parse_WhatIsNoDestination_IsNamedWithWhatWouldBe(string entry, string why)
    {
        var message = Should.Throw<FormatException>(() => EgressList.Parse([entry])).Message;
        message.ShouldContain($"'{entry}'");
        message.ShouldMatch(why);
    }

    [Fact]
    public void Parse_MoreThanTheKernelsFilterHolds_IsRefused() =>
        Should.Throw<FormatException>(() => EgressList.Parse([.. Enumerable.Range(0, EgressList.MaxEntries + 1).Select(i => $"h{i}.example.com")])).Message.ShouldContain("at most 128");

    [Theory]
    [InlineData("a.example.com", "*.example.com", "a.example.com")]
    [InlineData("*.example.com", "a.example.com:443", "a.example.com:443")]
    [InlineData("*.a.example.com", "*.example.com", "*.a.example.com")]
    [InlineData("*.example.com", "*.example.com", "*.example.com")]
    [InlineData("example.com", "*.example.com", "")]
    [InlineData("*.evilexample.com", "*.example.com", "")]
    [InlineData("a.example.com:80", "a.example.com:443", "")]
    [InlineData("10.0.0.0/8", "10.1.0.0/16:443", "10.1.0.0/16:443")]
    [InlineData("10.1.2.3", "10.1.0.0/16", "10.1.2.3")]
    [InlineData("10.1.0.0/16", "10.2.0.0/16", "")]
    [InlineData("10.1.0.0/16", "a.example.com", "")]
    public void Within_IsWhatBothLists(string own, string bound, string both)
    {
        EgressList.Parse([own]).Within(EgressList.Parse([bound])).ToString().ShouldBe(both);
        EgressList.Parse([bound]).Within(EgressList.Parse([own])).ToString().ShouldBe(both);
    }

    [Fact]
    public void Within_AnyTwoLists_AllowsExactlyWhatBothDo()
    {
        string[] entries = ["example.com", "*.example.com", "a.example.com:443", "*.a.example.com", "*.com", "10.0.0.0/8", "10.1.0.0/16:80", "10.1.2.3", "evilexample.com"];
        string[] hosts = ["example.com", "a.example.com", "b.a.example.com", "b.example.com", "evilexample.com", "x.com", "10.1.2.3", "10.1.9.9", "10.9.9.9", "11.0.0.1"];
        var random = new Random(20261126);
        for (var round = 0; round < 300; round++)
        {
            EgressList Some() => EgressList.Parse([.. entries.Where(_ => random.Next(3) == 0)]);
            var (one, other) = (Some(), Some());
            var both = one.Within(other);
            foreach (var host in hosts)
            {
                foreach (var port in new[] { 80, 443, 22 })
                    both.Allows(host, port).ShouldBe(one.Allows(host, port) && other.Allows(host, port), $"{host}:{port} of [{one}] and [{other}]");
            }
        }
    }

    [Theory]
    [InlineData("*.example.com:8080")]
    [InlineData("203.0.113.0/24")]
    [InlineData("203.0.113.7:1")]
    public void ToString_IsWhatWasRead(string entry) => EgressDestination.Parse(entry).ToString().ShouldBe(entry);

    [Fact]
    public void Contains_AsksAddressesOnly()
    {
        var list = EgressList.Parse(["packages.example.com:443", "*.example.com", "10.0.0.0/8"]);
        list.PortsOf("packages.example.com").ShouldBe([443, 0]);
        list.PortsOf("10.0.0.1").ShouldBeEmpty();
        list.Contains(IPAddress.Parse("10.2.3.4")).ShouldBeTrue();
        list.Contains(IPAddress.Parse("192.0.2.1")).ShouldBeFalse();
    }
}
