using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Grid.Client;
using Grid.Client.Models;
using Grid.Contracts.Audit;
using Grid.Contracts.Tenants;
using Grid.Grains.Audit;

namespace Grid.Api.Tests;

public sealed class AuditTests(ApiUnderTest api) : IClassFixture<ApiUnderTest>
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private async Task<IReadOnlyList<AuditEntryResource>> AllAsync(string? tenant)
    {
        var all = new List<AuditEntryResource>();
        for (string? after = null; ;)
        {
            var page = tenant is null ? await api.Operator.ListGridAuditAsync(after, 3, Stop) : await api.Operator.ListAuditAsync(tenant, after, 3, Stop);
            all.AddRange(page.Items);
            if (page.Next is null)
                return all;
            after = page.Next;
        }
    }

    [Fact]
    public async Task Log_HasWhoDidWhatToWhatAndHowItEnded_AndNoValue()
    {
        await api.Operator.SetTenantAsync("audited", new TenantSettingsResource { Environment = new Dictionary<string, string> { ["A"] = "canary-env" } }, Stop);
        var admin = await api.AsAsync("audited", Role.Admin);
        await admin.SetSecretAsync("audited", "token", new SecretRequest { Value = "canary-secret" }, Stop);
        await admin.SetRegistryAsync("audited", new RegistryRequest { Registry = "registry.example/team", Username = "u", Password = "canary-password" }, Stop);
        await admin.RemoveRegistryAsync("audited", "registry.example/team", Stop);
        var key = await admin.CreateKeyAsync("audited", new ApiKeyRequest { Name = "ci" }, Stop);
        await admin.RevokeKeyAsync("audited", key.Key.Id, Stop);
        await Should.ThrowAsync<GridApiException>(admin.SetSecretAsync("audited", "token", new SecretRequest(), Stop));
        await Should.ThrowAsync<GridApiException>(admin.SetTenantAsync("audited", new TenantSettingsResource(), Stop));

        var log = await AllAsync("audited");

        // Newest first: the last one was refused.
        log.Select(e => $"{e.Action} {e.Object} {e.Result}").ShouldBe(
        [
            "SetTenant tenants/audited forbidden",
            "SetSecret tenants/audited/secrets/token invalid-request",
            $"RevokeKey tenants/audited/keys/{key.Key.Id} done",
            $"CreateKey tenants/audited/keys/{key.Key.Id} done",
            "RemoveRegistry tenants/audited/registries/registry.example/team done",
            "SetRegistry tenants/audited/registries/registry.example/team done",
            "SetSecret tenants/audited/secrets/token done",
            log[^2] is { Action: "CreateKey" } made ? $"CreateKey {made.Object} done" : "",
            "SetTenant tenants/audited done",
        ]);
        log.Select(e => e.Number).ShouldBe(Enumerable.Range(1, log.Count).Reverse().Select(n => (long)n));
        log.Select(e => e.Actor).Distinct().Count().ShouldBe(2);
        log.ShouldAllBe(e => e.RequestId.Length > 0);
        JsonSerializer.Serialize(log).ShouldNotContain("canary");
        JsonSerializer.Serialize(log).ShouldNotContain(key.Token);
    }

    [Fact]
    public async Task Grid_log_has_what_operators_do_and_what_was_tried_elsewhere()
    {
        await api.Operator.SetTenantAsync("elsewhere", new TenantSettingsResource(), Stop);
        var red = await api.TokenAsync("red", Role.Admin);
        using var tried = await api.Http(red).PutAsJsonAsync(new Uri("v1/tenants/elsewhere/secrets/token", UriKind.Relative), new SecretRequest { Value = "x" }, Stop);
        tried.StatusCode.ShouldBe(HttpStatusCode.NotFound);
        var id = tried.Headers.GetValues("X-Request-Id").Single();

        var grid = await AllAsync(null);

        grid.ShouldContain(e => e.Action == "SetTenant" && e.Object == "tenants/elsewhere" && e.Result == "done");
        grid.ShouldContain(e => e.RequestId == id && e.Object == "tenants/elsewhere/secrets/token" && e.Result == "not-found");
        (await AllAsync("elsewhere")).ShouldNotContain(e => e.RequestId == id);
    }

    [Fact]
    public async Task Two_requests_are_two_entries_whatever_trace_their_caller_says_they_belong_to()
    {
        var before = (await AllAsync("blue")).Count;
        for (var n = 0; n < 2; n++)
        {
            using var request = new HttpRequestMessage(HttpMethod.Delete, new Uri("v1/tenants/blue/secrets/none", UriKind.Relative));
            request.Headers.Add("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
            using var answer = await api.Http(api.OperatorToken).SendAsync(request, Stop);
            answer.StatusCode.ShouldBe(HttpStatusCode.NotFound);
        }

        var log = await AllAsync("blue");
        log.Count.ShouldBe(before + 2);
        log[0].RequestId.ShouldNotBe(log[1].RequestId);
    }

    [Fact]
    public async Task Reading_and_unknown_callers_leave_nothing()
    {
        var before = (await AllAsync("blue")).Count;
        using var body = new StringContent("{}", Encoding.UTF8, "application/json");
        using var unknown = await api.Http(null).PostAsync(new Uri("v1/tenants/blue/keys", UriKind.Relative), body, Stop);
        unknown.StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
        await api.Operator.GetTenantAsync("blue", Stop);

        (await AllAsync("blue")).Count.ShouldBe(before);
    }

    [Fact]
    public async Task Log_GoesOverPages_AndOldPagesGo()
    {
        var log = api.Grid.Grains.GetGrain<IAuditGrain>("long");
        var start = DateTimeOffset.UnixEpoch;
        AuditEntry Entry(int n, DateTimeOffset at) => new() { At = at, Actor = "key:1", Action = "SetSecret", Object = $"{n}", Result = "done", RequestId = $"{n}" };
        for (var n = 1; n <= 250; n++)
            (await log.AppendAsync(Entry(n, start))).ShouldBe(n);
        // A call whose answer was lost.
        (await log.AppendAsync(Entry(250, start))).ShouldBe(250);

        (await log.ListAsync(null, 300)).Select(e => e.Object).ShouldBe(Enumerable.Range(1, 250).Reverse().Select(n => $"{n}"));
        (await log.ListAsync(101, 2)).Select(e => e.Number).ShouldBe([100L, 99L]);

        // The third page is cut long after the first two were written: those are older than is kept, this one is not.
        var later = start + new AuditOptions().Keep + TimeSpan.FromDays(1);
        for (var n = 251; n <= 301; n++)
            await log.AppendAsync(Entry(n, later));
        (await log.ListAsync(null, 400)).Select(e => e.Number).ShouldBe(Enumerable.Range(201, 101).Reverse().Select(n => (long)n));
    }
}
