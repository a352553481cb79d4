using System.Net;

namespace Grid.Oci.Network;

/// <summary>The destinations that what runs for somebody may reach, and nothing else. Immutable.</summary>
public sealed class EgressList
{
    /// <summary>Entries one list may have: all of them are in a filter that the kernel bounds.</summary>
    public const int MaxEntries = 128;

    private EgressList(IReadOnlyList<EgressDestination> entries) => Entries = entries;

    /// <summary>What is listed. Empty after two lists have nothing in common: then nothing is reached.</summary>
    public IReadOnlyList<EgressDestination> Entries { get; }

    /// <summary>Reads a list.</summary>
    /// <exception cref="FormatException">An entry is none, or there are too many.</exception>
    public static EgressList Parse(IReadOnlyCollection<string> entries) => entries.Count <= MaxEntries
        ? new EgressList([.. entries.Select(EgressDestination.Parse).Distinct()])
        : throw new FormatException($"{entries.Count} destinations are too many: at most {MaxEntries}; list blocks of addresses, or *.example.com");

    /// <summary>What is in this list and in another one. More than <see cref="MaxEntries"/> cannot be asked for, so what comes last falls away.</summary>
    public EgressList Within(EgressList? bound) => bound is null ? this
        : new EgressList([.. Entries.SelectMany(own => bound.Entries.Select(own.And)).OfType<EgressDestination>().Distinct().Take(MaxEntries)]);

    /// <summary>Ports at which a host may be reached by its name, 0 standing for all; none when it is not listed.</summary>
    /// <param name="host">Its name as somebody wrote it.</param>
    public IReadOnlyList<int> PortsOf(string host) => EgressDestination.Normalize(host) is { } name ? [.. Entries.Where(entry => entry.Names(name)).Select(entry => entry.Port)] : [];

    /// <summary>Whether an address is listed as such, at some port.</summary>
    public bool Contains(IPAddress address) => Entries.Any(entry => entry.Contains(address));

    /// <summary>Whether somebody who names a host, or writes an address, may connect to this port of it.</summary>
    public bool Allows(string host, int port) => IPAddress.TryParse(host.Trim('[', ']'), out var address)
        ? Entries.Any(entry => entry.Contains(address) && (entry.Port == 0 || entry.Port == port))
        : PortsOf(host).Any(listed => listed == 0 || listed == port);

    /// <inheritdoc/>
    public override string ToString() => string.Join(", ", Entries);
}
