using System.Net;
using System.Net.Sockets;
using System.Text;
using Grid.Lifecycle.Extend;
using Grid.Oci;
using Grid.Oci.Content;
using Grid.Oci.Network;

namespace Grid.Lifecycle.Tests.Extend;

public sealed class UrlFetcherTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("grid-urls-").FullName;

    private ContentStore Content => field ??= new ContentStore(_root);

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public async Task FetchAsync_PrivateAddress_IsRefusedBehindARedirectAsWell()
    {
        using var server = new TcpListener(IPAddress.Loopback, 0);
        server.Start();
        using var fetcher = new UrlFetcher(Content, new HostPolicy());
        var failure = await Should.ThrowAsync<FormatException>(() => fetcher.FetchAsync($"http://localhost:{((IPEndPoint)server.LocalEndpoint).Port}/x", null, Stop));
        failure.Message.ShouldContain("which builds may not use here");
    }

    [Fact]
    public async Task FetchAsync_GivesTheDigestOfTheBytesAndFetchesKnownOnesNotAgain()
    {
        using var server = new TcpListener(IPAddress.Loopback, 0);
        server.Start();
        var url = $"http://127.0.0.1:{((IPEndPoint)server.LocalEndpoint).Port}/a/file.txt?q=1";
        using var fetcher = new UrlFetcher(Content, HostPolicy.Own);
        var fetching = fetcher.FetchAsync(url, null, Stop);
        await AnswerAsync(server, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello");
        var fetched = await fetching;
        fetched.Digest.ShouldBe(Digest.Compute("hello"u8));
        File.ReadAllText(Content.PathOf(fetched.Digest)).ShouldBe("hello");
        (await fetcher.FetchAsync(url, fetched.Digest, Stop)).ShouldBe(fetched);
    }

    [Fact]
    public async Task FetchAsync_OtherContentThanExpected_IsRefusedAndNotKept()
    {
        using var server = new TcpListener(IPAddress.Loopback, 0);
        server.Start();
        using var fetcher = new UrlFetcher(Content, HostPolicy.Own);
        var fetching = fetcher.FetchAsync($"http://user:password@127.0.0.1:{((IPEndPoint)server.LocalEndpoint).Port}/x", Digest.Compute("other"u8), Stop);
        await AnswerAsync(server, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello");
        var failure = await Should.ThrowAsync<FormatException>(() => fetching);
        failure.Message.ShouldStartWith("digest mismatch");
        failure.Message.ShouldNotContain("password");
        Content.Contains(Digest.Compute("hello"u8)).ShouldBeFalse();
    }

    [Fact]
    public async Task FetchAsync_NotFound_SaysSo()
    {
        using var server = new TcpListener(IPAddress.Loopback, 0);
        server.Start();
        using var fetcher = new UrlFetcher(Content, HostPolicy.Own);
        var fetching = fetcher.FetchAsync($"http://127.0.0.1:{((IPEndPoint)server.LocalEndpoint).Port}/x", null, Stop);
        await AnswerAsync(server, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        (await Should.ThrowAsync<FormatException>(() => fetching)).Message.ShouldContain("404");
    }

    [Fact]
    public async Task FetchAsync_WithAList_AsksListedHostsAndPortsOnlyAlsoAfterRedirects()
    {
        using var server = new TcpListener(IPAddress.Loopback, 0);
        server.Start();
        var port = ((IPEndPoint)server.LocalEndpoint).Port;
        using var all = new UrlFetcher(Content, new HostPolicy { Listed = ["localhost"] });
        using var fetcher = all.Within(EgressList.Parse([$"localhost:{port}"]));

        var fetching = fetcher.FetchAsync($"http://localhost:{port}/x", null, Stop);
        await AnswerAsync(server, "HTTP/1.1 302 Found\r\nLocation: /y\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        await AnswerAsync(server, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello");
        (await fetching).Digest.ShouldBe(Digest.Compute("hello"u8));

        foreach (var elsewhere in new[] { $"http://127.0.0.1:{port}/x", $"http://elsewhere.example.com:{port}/", "http://localhost:1/x" })
        {
            fetching = fetcher.FetchAsync($"http://localhost:{port}/x", null, Stop);
            await AnswerAsync(server, $"HTTP/1.1 307 Temporary Redirect\r\nLocation: {elsewhere}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            (await Should.ThrowAsync<FormatException>(() => fetching)).Message.ShouldContain($"{new Uri(elsewhere).Authority} is not in the list of destinations");
            (await Should.ThrowAsync<FormatException>(() => fetcher.FetchAsync(elsewhere, null, Stop))).Message.ShouldContain("is not in the list of destinations");
        }
        // A listed name with a private address that nobody listed is as far away as ever.
        using var strict = new UrlFetcher(Content, new HostPolicy()).Within(EgressList.Parse(["localhost"]));
        (await Should.ThrowAsync<FormatException>(() => strict.FetchAsync($"http://localhost:{port}/x", null, Stop))).Message.ShouldContain("which builds may not use here");
    }

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private static async Task AnswerAsync(TcpListener server, string answer)
    {
        using var client = await server.AcceptTcpClientAsync(Stop);
        using var reader = new StreamReader(client.GetStream(), leaveOpen: true);
        while (await reader.ReadLineAsync(Stop) is { Length: > 0 })
        {
            // The request's headers.
        }
        await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(answer), Stop);
    }
}
