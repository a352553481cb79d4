using System.Net;
using System.Text;
using Grid.Client;
using Grid.Client.Models;
using Grid.Contracts.Builds;
using Grid.Contracts.Events;
using Microsoft.Extensions.Time.Testing;

namespace Grid.Cli.Tests;

/// <summary>A client and its servers while those come and go.</summary>
public sealed class GridServersTests : IDisposable
{
    private static readonly CancellationToken Stop = TestContext.Current.CancellationToken;
    private readonly FakeTimeProvider _time = new();
    private readonly List<string> _notices = [];
    private readonly Script _script = new();
    private HttpClient? _http;

    public void Dispose() => _http?.Dispose();

    private GridClient Client(params string[] servers)
    {
        _http = new HttpClient(new GridServers([.. servers.Select(s => new Uri(s))], _script, _notices.Add, _time)) { BaseAddress = new Uri(servers[0]) };
        return new GridClient(_http, "token");
    }

    /// <summary>Lets time go on as long as the client waits.</summary>
    private async Task<T> PatientlyAsync<T>(Task<T> task)
    {
        while (!task.IsCompleted)
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            await Task.Yield();
        }
        return await task;
    }

    [Fact]
    public async Task A_request_goes_to_the_next_server_when_the_first_is_gone()
    {
        _script.Answer = request => request.RequestUri!.Host == "a.example" ? Refuse() : Json("""{"items":["one"]}""");
        var client = Client("https://a.example/", "https://b.example/");

        (await client.ListAppsAsync("red", Stop)).Items.ShouldBe(["one"]);
        (await client.ListAppsAsync("red", Stop)).Items.ShouldBe(["one"]);
        _script.Asked.ShouldBe(["https://a.example/v1/tenants/red/apps", "https://b.example/v1/tenants/red/apps", "https://b.example/v1/tenants/red/apps"]);
        _notices.ShouldBeEmpty();
    }

    [Fact]
    public async Task An_address_that_never_answered_is_said_to_be_wrong_at_once()
    {
        _script.Answer = _ => Refuse();

        var error = await Should.ThrowAsync<HttpRequestException>(Client("https://a.example/", "https://b.example/").ListAppsAsync("red", Stop));
        error.Message.ShouldBe("no server of the grid answers at https://a.example/, https://b.example/ (connection refused)");
        _script.Asked.Count.ShouldBe(2);
    }

    [Fact]
    public async Task A_server_that_has_answered_is_waited_for_and_the_wait_is_said_once()
    {
        var gone = 0;
        _script.Answer = _ => gone is 0 or > 4 ? Json("""{"items":[]}""") : gone++ % 2 == 0 ? Refuse() : new HttpResponseMessage(HttpStatusCode.ServiceUnavailable);
        var client = Client("https://a.example/");
        await client.ListAppsAsync("red", Stop);
        gone = 1;

        await PatientlyAsync(client.ListAppsAsync("red", Stop));
        _script.Asked.Count.ShouldBe(6);
        _notices.ShouldBe(["https://a.example does not answer; trying for 60 s to reach the grid again"]);
    }

    [Fact]
    public async Task The_wait_has_an_end_that_says_who_was_asked()
    {
        _script.Answer = _ => Json("""{"items":[]}""");
        var client = Client("https://a.example/");
        await client.ListAppsAsync("red", Stop);
        _script.Answer = _ => Refuse();

        (await Should.ThrowAsync<HttpRequestException>(PatientlyAsync(client.ListAppsAsync("red", Stop)))).Message.ShouldContain("https://a.example/");
    }

    [Fact]
    public async Task What_may_have_been_done_is_sent_again_only_with_an_idempotency_key()
    {
        var lost = 1;
        _script.Answer = _ => lost-- > 0 ? throw new HttpRequestException(HttpRequestError.ResponseEnded, "lost") : Json("""{"id":"b"}""");
        var client = Client("https://a.example/", "https://b.example/");

        await Should.ThrowAsync<HttpRequestException>(client.CancelBuildAsync("red", "b", Stop));
        _script.Asked.Count.ShouldBe(1);
        lost = 1;
        var submission = new BuildSubmission { Image = "r.example/a", Builder = "r.example/b", Source = new SourceUpload("sha256:0", "sha256:0", 1, "t") };
        await Should.NotThrowAsync(async () =>
        {
            try
            {
                await client.SubmitBuildAsync("red", submission, "key", Stop);
            }
            catch (System.Text.Json.JsonException)
            {
                // The scripted answer is no whole build.
            }
        });
        _script.Asked.Count.ShouldBe(3);
        _script.Bodies.Distinct().Count(b => b.Contains("r.example/a", StringComparison.Ordinal)).ShouldBe(1, "the same content twice");
    }

    [Fact]
    public async Task Events_go_on_after_the_last_that_came_when_a_stream_breaks_or_its_server_stops()
    {
        var at = DateTimeOffset.UnixEpoch;
        BuildEvent[] events = [new BuildStarted("red/b", "i") { At = at }, new PhaseStarted(Phase.Detect) { At = at }, new BuildMoved("n1", "n2") { At = at }, new BuildFinished(BuildState.Succeeded, 0) { At = at }];
        var connections = 0;
        _script.Answer = request =>
        {
            var from = int.Parse(request.Headers.GetValues("Last-Event-ID").Single(), System.Globalization.CultureInfo.InvariantCulture);
            // One event for each connection; the first breaks, the second ends, the third brings nothing.
            var count = ++connections == 3 ? 0 : 1;
            return Stream(events.Skip(from).Take(count).Select((e, n) => (from + n + 1, e)), breaks: connections == 1);
        };

        (await Client("https://a.example/").WatchBuildAsync("red", "b", 0, Stop).ToListAsync(Stop)).ShouldBe(events);
        connections.ShouldBe(5);
    }

    private static HttpResponseMessage Refuse() => throw new HttpRequestException(HttpRequestError.ConnectionError, "connection refused");

    private static HttpResponseMessage Json(string json) => new(HttpStatusCode.OK) { Content = new StringContent(json, Encoding.UTF8, "application/json") };

    private static HttpResponseMessage Stream(IEnumerable<(int Id, BuildEvent Event)> events, bool breaks)
    {
        var text = string.Concat(events.Select(e => $"id: {e.Id}\ndata: {System.Text.Json.JsonSerializer.Serialize(e.Event, GridClient.Json)}\n\n"));
        return new HttpResponseMessage(HttpStatusCode.OK) { Content = new StreamContent(new BreakingStream(Encoding.UTF8.GetBytes(text), breaks)) };
    }

    /// <summary>Answers in place of servers.</summary>
    private sealed class Script : HttpMessageHandler
    {
        public Func<HttpRequestMessage, HttpResponseMessage> Answer { get; set; } = _ => Refuse();

        public List<string> Asked { get; } = [];

        public List<string> Bodies { get; } = [];

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            Asked.Add(request.RequestUri!.ToString());
            Bodies.Add(request.Content is null ? "" : await request.Content.ReadAsStringAsync(cancellationToken));
            return Answer(request);
        }
    }

    /// <summary>Gives its bytes, and then its end or what a lost connection gives.</summary>
    private sealed class BreakingStream(byte[] content, bool breaks) : MemoryStream(content)
    {
        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var read = await base.ReadAsync(buffer, cancellationToken);
            return read == 0 && breaks ? throw new HttpIOException(HttpRequestError.ResponseEnded, "lost") : read;
        }
    }
}
