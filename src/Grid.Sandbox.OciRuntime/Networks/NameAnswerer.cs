using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using Microsoft.Win32.SafeHandles;

namespace Grid.Sandbox.OciRuntime.Networks;

/// <summary>
/// The name server in a network with a list: answers for listed names, and opens the way to their addresses before it does. Other names do not exist for who asks, and nobody else
/// is asked about them, so questions carry nothing out.
/// </summary>
internal sealed class NameAnswerer : IDisposable
{
    /// <summary>Where it is, in the network's own loopback.</summary>
    public const string Address = "127.0.0.153";

    /// <summary>Addresses of one answer; with the longest name they fit into the 512 bytes every resolver takes over UDP.</summary>
    private const int MaxAnswers = 12;
    private const int MaxAtOnce = 32, MaxMessage = 4096;
    private static readonly IPEndPoint Place = new(IPAddress.Parse(Address), 53);
    private static readonly TimeSpan MaxLookup = TimeSpan.FromSeconds(20), MaxSilence = TimeSpan.FromSeconds(30);

    private readonly Socket _datagrams;
    private readonly Socket _connections;
    private readonly EgressRules _rules;
    private readonly EgressGate _gate;
    private readonly EgressNotes _notes;
    private readonly CancellationTokenSource _stop = new();
    private readonly SemaphoreSlim _places = new(MaxAtOnce);

    private NameAnswerer(Socket datagrams, Socket connections, EgressRules rules, EgressGate gate, EgressNotes notes) =>
        (_datagrams, _connections, _rules, _gate, _notes) = (datagrams, connections, rules, gate, notes);

    /// <summary>Starts it in a network namespace.</summary>
    public static NameAnswerer Start(SafeFileHandle ns, EgressRules rules, EgressGate gate, EgressNotes notes)
    {
        var answerer = NetworkNamespace.Inside(ns, () => Bind(rules, gate, notes));
        // Both end when the sockets are closed.
        _ = Task.Run(answerer.ServeDatagramsAsync);
        _ = Task.Run(answerer.ServeConnectionsAsync);
        return answerer;
    }

    /// <summary>The answer to a message; null when it is none that is answered.</summary>
    public async Task<byte[]?> AnswerAsync(ReadOnlyMemory<byte> message, CancellationToken cancellationToken)
    {
        if (DnsQuestion.TryParse(message.Span) is not { } question)
            return null;
        if (!question.IsQuery)
            return question.Answer(DnsResponse.NotImplemented);
        if (question.Name is not { } name || _rules.List.PortsOf(name) is not { Count: > 0 } ports)
        {
            if (question.AsksForAddresses)
                _notes.Add($"host {question.Shown} is not in the list of destinations that may be reached");
            return question.Answer(DnsResponse.NameError);
        }
        // There is no IPv6, and whatever else a name may have is no way to anywhere.
        return question.AsksForIPv4 ? await AnswerAsync(question, name, ports, cancellationToken) : question.Answer(DnsResponse.NoError);
    }

    public void Dispose()
    {
        _stop.Cancel();
        _datagrams.Dispose();
        _connections.Dispose();
    }

    private async Task<byte[]> AnswerAsync(DnsQuestion question, string name, IReadOnlyList<int> ports, CancellationToken cancellationToken)
    {
        IPAddress[] found;
        try
        {
            using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            patience.CancelAfter(MaxLookup);
            found = await _rules.Lookup(name, patience.Token);
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.HostNotFound or SocketError.NoData)
        {
            return question.Answer(DnsResponse.NameError);
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException)
        {
            _notes.Add($"host {name} could not be looked up: {e.Message}");
            return question.Answer(DnsResponse.ServerFailure);
        }
        var allowed = found.Where(address => _rules.MayHave(name, address) && !_gate.IsClosed(address)).Take(MaxAnswers).ToArray();
        if (allowed.Length == 0)
        {
            if (found.Length > 0)
                _notes.Add($"host {name} has the address {found[0]}, which builds may not use here; list the address too, or have the host listed (setting private-host)");
            return question.Answer(DnsResponse.NameError);
        }
        try
        {
            var open = allowed.Where(address => _gate.TryOpen(address, ports)).ToArray();
            if (open.Length > 0)
                return question.Answer(DnsResponse.NoError, open);
            _notes.Add($"host {name} is out of reach: {EgressGate.MaxAddresses} addresses of hosts are open already");
        }
        catch (IOException refused)
        {
            _notes.Add($"host {name} is out of reach: {refused.Message}");
        }
        return question.Answer(DnsResponse.ServerFailure);
    }

    private async Task ServeDatagramsAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                await _places.WaitAsync(_stop.Token);
                var buffer = new byte[MaxMessage];
                var received = await _datagrams.ReceiveFromAsync(buffer, SocketFlags.None, Place, _stop.Token);
                _ = AnswerDatagramAsync(buffer.AsMemory(0, received.ReceivedBytes), received.RemoteEndPoint);
            }
            catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
            catch (SocketException)
            {
                // An asker that went away makes the next receive fail; the next one is served.
                _places.Release();
            }
        }
    }

    private async Task AnswerDatagramAsync(ReadOnlyMemory<byte> message, EndPoint asker)
    {
        try
        {
            if (await AnswerAsync(message, _stop.Token) is { } answer)
                await _datagrams.SendToAsync(answer, SocketFlags.None, asker, _stop.Token);
        }
        catch (Exception e) when (IsEnd(e))
        {
            // Who asked, or the network, is gone.
        }
        finally
        {
            _places.Release();
        }
    }

    private async Task ServeConnectionsAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                await _places.WaitAsync(_stop.Token);
                _ = ServeConnectionAsync(await _connections.AcceptAsync(_stop.Token));
            }
            catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
            catch (SocketException)
            {
                // A connection that was given up before it was taken.
                _places.Release();
            }
        }
    }

    /// <summary>Messages with their length before them (RFC 1035 §4.2.2), as many as come.</summary>
    private async Task ServeConnectionAsync(Socket connection)
    {
        try
        {
            await using var stream = new NetworkStream(connection, ownsSocket: true);
            var buffer = new byte[MaxMessage];
            while (true)
            {
                using var silence = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
                silence.CancelAfter(MaxSilence);
                await stream.ReadExactlyAsync(buffer.AsMemory(0, 2), silence.Token);
                var length = BinaryPrimitives.ReadUInt16BigEndian(buffer);
                if (length > MaxMessage)
                    return;
                await stream.ReadExactlyAsync(buffer.AsMemory(0, length), silence.Token);
                if (await AnswerAsync(buffer.AsMemory(0, length), _stop.Token) is not { } answer)
                    return;
                await stream.WriteAsync(new byte[] { (byte)(answer.Length >> 8), (byte)answer.Length }.Concat(answer).ToArray(), silence.Token);
            }
        }
        catch (Exception e) when (IsEnd(e))
        {
            // Who asked, or the network, is gone.
        }
        finally
        {
            _places.Release();
        }
    }

    private static bool IsEnd(Exception e) => e is IOException or SocketException or OperationCanceledException or ObjectDisposedException;

    private static NameAnswerer Bind(EgressRules rules, EgressGate gate, EgressNotes notes)
    {
        var datagrams = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        var connections = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            datagrams.Bind(Place);
            connections.Bind(Place);
            connections.Listen(MaxAtOnce);
            return new NameAnswerer(datagrams, connections, rules, gate, notes);
        }
        catch (SocketException)
        {
            datagrams.Dispose();
            connections.Dispose();
            throw;
        }
    }
}
