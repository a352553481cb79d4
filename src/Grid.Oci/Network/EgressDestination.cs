using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Grid.Oci.Network;

/// <summary>
/// One entry of an <see cref="EgressList"/>: a host (<c>packages.example.com</c>), all hosts below a name (<c>*.example.com</c>, which the name itself is none of), an IPv4 address, or
/// a block of them (<c>203.0.113.0/24</c>), each with <c>:port</c> behind it when only that port is meant.
/// </summary>
public sealed record EgressDestination
{
    private const int MaxNameLength = 253, MaxLabelLength = 63;

    // What is nobody's address, a machine's own, or link-local: HostPolicy keeps it out whatever a list says.
    private static readonly IPNetwork[] Never = [IPNetwork.Parse("0.0.0.0/8"), IPNetwork.Parse("127.0.0.0/8"), IPNetwork.Parse("169.254.0.0/16"), IPNetwork.Parse("224.0.0.0/3")];

    private EgressDestination(string? name, bool below, IPNetwork? network, int port) => (Name, IsBelow, Network, Port) = (name, below, network, port);

    /// <summary>A host's name in lower case and ASCII (A-labels), without a dot at the end; null for addresses.</summary>
    public string? Name { get; }

    /// <summary>Whether hosts below the name are meant and not the name.</summary>
    public bool IsBelow { get; }

    /// <summary>Addresses; null for a name.</summary>
    public IPNetwork? Network { get; }

    /// <summary>The only port that is meant; 0 for all.</summary>
    public int Port { get; }

    /// <summary>Reads an entry.</summary>
    /// <exception cref="FormatException">It is none; the message names it and says what would be right.</exception>
    public static EgressDestination Parse(string text)
    {
        var (target, port) = SplitPort(text);
        if (target.IndexOf('/', StringComparison.Ordinal) is >= 0 and var slash)
        {
            // What has bits behind its prefix may be meant as one address.
            return IPNetwork.TryParse(target, out var network) && IPAddress.TryParse(target.AsSpan(0, slash), out var written) && written.Equals(network.BaseAddress)
                ? Checked(text, network, port) : throw new FormatException($"'{text}' is no block of addresses: want one such as 203.0.113.0/24, whose address has no bits behind the prefix");
        }
        if (IPAddress.TryParse(target, out var address) && (address.AddressFamily == AddressFamily.InterNetworkV6 || target.Count(c => c == '.') == 3))
            return Checked(text, new IPNetwork(address, address.AddressFamily == AddressFamily.InterNetwork ? 32 : 128), port);
        var below = target.StartsWith("*.", StringComparison.Ordinal);
        var name = Normalize(below ? target[2..] : target) ?? throw new FormatException(
            $"'{text}' is no destination: want a host (packages.example.com), the hosts below a name (*.example.com), an IPv4 address or a block (203.0.113.0/24), with :port behind it when only that port is meant");
        // What looks like a number is an address to most programs: 127.1, 0x7f.1, 2130706433.
        if (char.IsAsciiDigit(name[name.LastIndexOf('.') + 1]) && (IPAddress.TryParse(name, out _) || name.All(c => c == '.' || char.IsAsciiDigit(c))))
            throw new FormatException($"'{text}' looks like an address: write its four numbers, each up to 255");
        return new EgressDestination(name, below, null, port);
    }

    /// <summary>A host's name as entries have it; null when it is none: empty or too long labels, or other than letters, digits, '-' and '_'.</summary>
    public static string? Normalize(string host)
    {
        host = (host.EndsWith('.') ? host[..^1] : host).ToLowerInvariant();
        try
        {
            if (!System.Text.Ascii.IsValid(host))
                host = new IdnMapping().GetAscii(host);
        }
        catch (ArgumentException)
        {
            return null;
        }
        return host.Length is > 0 and <= MaxNameLength && host.Split('.').All(label => label.Length is > 0 and <= MaxLabelLength && label.All(IsOfName)) ? host : null;
    }

    /// <summary>Whether a host is meant, by its normalized name, at some port.</summary>
    public bool Names(string host) => Name is { } name && (IsBelow
        ? host.Length > name.Length + 1 && host.EndsWith(name, StringComparison.Ordinal) && host[host.Length - name.Length - 1] == '.'
        : host == name);

    /// <summary>Whether an address is in the block.</summary>
    public bool Contains(IPAddress address) => Network is { } network && network.Contains(address);

    /// <summary>What is in this and in another entry; null when that is nothing.</summary>
    public EgressDestination? And(EgressDestination other)
    {
        if (Port != 0 && other.Port != 0 && Port != other.Port)
            return null;
        var narrower = Narrower(this, other) ?? Narrower(other, this);
        return narrower is null ? null : new EgressDestination(narrower.Name, narrower.IsBelow, narrower.Network, Math.Max(Port, other.Port));
    }

    /// <inheritdoc/>
    public override string ToString()
    {
        var target = Name is { } name ? (IsBelow ? "*." : "") + name : Network is { PrefixLength: 32, BaseAddress: var address } ? $"{address}" : $"{Network}";
        return Port == 0 ? target : $"{target}:{Port.ToString(CultureInfo.InvariantCulture)}";
    }

    /// <summary>The first when all of it is in the second.</summary>
    private static EgressDestination? Narrower(EgressDestination one, EgressDestination other)
    {
        if (one.Name is { } name)
            return one.IsBelow ? other.IsBelow && (name == other.Name || other.Names(name)) ? one : null : other.Names(name) ? one : null;
        return one.Network is { } network && other.Network is { } outer && network.PrefixLength >= outer.PrefixLength && outer.Contains(network.BaseAddress) ? one : null;
    }

    private static (string Target, int Port) SplitPort(string text)
    {
        // More than one colon is an IPv6 address, which has an answer of its own.
        if (text.Count(c => c == ':') != 1)
            return (text, 0);
        var at = text.IndexOf(':', StringComparison.Ordinal);
        return int.TryParse(text.AsSpan(at + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port is > 0 and <= 65535
            ? (text[..at], port) : throw new FormatException($"'{text}': a port is a number from 1 to 65535");
    }

    private static EgressDestination Checked(string text, IPNetwork network, int port)
    {
        if (network.BaseAddress.AddressFamily == AddressFamily.InterNetworkV6)
            throw new FormatException($"'{text}': sandboxes have IPv4 only; list IPv4 addresses or the host's name");
        if (network.PrefixLength == 0)
            throw new FormatException($"'{text}' is every address; leave the list out where everything may be reached");
        if (Never.Any(never => never.PrefixLength <= network.PrefixLength && never.Contains(network.BaseAddress)))
            throw new FormatException($"'{text}': addresses of a machine itself, link-local ones and those that are no host are never reached from a sandbox");
        return new EgressDestination(null, false, network, port);
    }

    private static bool IsOfName(char c) => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is '-' or '_';
}
