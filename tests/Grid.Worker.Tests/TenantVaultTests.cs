using System.Text;
using Grid.Contracts.Secrets;
using Grid.Oci.Images;
using Grid.Oci.Registry;
using Microsoft.Extensions.Time.Testing;
using NSubstitute;
using Orleans;
using Orleans.Runtime;

namespace Grid.Worker.Tests;

public sealed class TenantVaultTests : IDisposable
{
    private static readonly SecretKeyRing Keys = SecretKeyRing.Parse(SecretKeyRing.NewEntry("k1"));
    private static readonly CancellationToken Cancellation = TestContext.Current.CancellationToken;
    private readonly FakeTimeProvider _time = new();
    private readonly IGrainFactory _grains = Substitute.For<IGrainFactory>();
    private readonly ImageStores _shared;
    private readonly RegistryImageStore _registries = new(new RegistryOptions(), new AnonymousCredentials());

    public TenantVaultTests() => _shared = new ImageStores([_registries]);

    public void Dispose() => _registries.Dispose();

    private TenantVault Vault(SecretKeyRing keys, bool tenants = true) => new(keys, _grains, _shared, [_registries], new AnonymousCredentials(), new WorkerOptions { HasTenants = tenants }, _time);

    private void Has(string owner, params SealedSecret[] secrets)
    {
        var grain = Substitute.For<ISecretsGrain>();
        grain.ReadAsync().Returns(secrets);
        _grains.GetGrain<ISecretsGrain>(owner).Returns(grain);
    }

    private static SealedSecret Seal(string owner, SecretKind kind, string name, byte[] value) => Keys.Seal(owner, kind, name, value, DateTimeOffset.UnixEpoch, "key:1");

    [Fact]
    public async Task Images_OfATenantWithoutLogins_AreTheNodesOwn_AndOthersAreKeptUntilALoginChanges()
    {
        Has("red");
        Has("blue", Seal("blue", SecretKind.Registry, "registry.example", new RegistryLogin("u", "p", null).ToBytes()));
        var vault = Vault(Keys);

        (await vault.ImagesAsync("red", Cancellation)).ShouldBeSameAs(_shared);
        var blue = await vault.ImagesAsync("blue", Cancellation);
        blue.ShouldNotBeSameAs(_shared);
        (await vault.ImagesAsync("blue", Cancellation)).ShouldBeSameAs(blue);
        Has("blue", Seal("blue", SecretKind.Registry, "registry.example", new RegistryLogin("u", "changed", null).ToBytes()));
        (await vault.ImagesAsync("blue", Cancellation)).ShouldNotBeSameAs(blue);
    }

    [Fact]
    public async Task A_node_without_the_key_says_so_and_never_goes_on_as_if_there_were_no_secret()
    {
        Has("red", Seal("red", SecretKind.Registry, "registry.example", new RegistryLogin("u", "p", null).ToBytes()), Seal("red", SecretKind.Variable, "A", "x"u8.ToArray()), Seal("red", SecretKind.Mount, "token", "x"u8.ToArray()));
        Has("red/b");
        var vault = Vault(SecretKeyRing.None);

        (await Should.ThrowAsync<SecretKeyException>(vault.ImagesAsync("red", Cancellation))).Message.ShouldContain("'k1'");
        await Should.ThrowAsync<SecretKeyException>(vault.ForBuildpacksAsync("red", Cancellation));
        await Should.ThrowAsync<SecretKeyException>(vault.ForStepAsync("red/b", "red", ["token"], Cancellation));
        // What nobody asks for is not opened.
        (await vault.ForStepAsync("red/b", "red", ["other"], Cancellation)).ShouldBeEmpty();
        // An embedded grid asks nobody.
        (await Vault(SecretKeyRing.None, tenants: false).ImagesAsync("red", Cancellation)).ShouldBeSameAs(_shared);
    }

    [Fact]
    public async Task A_step_gets_only_what_it_asks_for_and_the_builds_own_before_the_tenants()
    {
        Has("red", Seal("red", SecretKind.Mount, "token", "tenant"u8.ToArray()), Seal("red", SecretKind.Mount, "other", "x"u8.ToArray()), Seal("red", SecretKind.Variable, "token2", "x"u8.ToArray()));
        Has("red/b", Seal("red/b", SecretKind.Mount, "token", "build"u8.ToArray()));

        var given = await Vault(Keys).ForStepAsync("red/b", "red", ["token", "token2"], Cancellation);

        given.Keys.ShouldBe(["token"]);
        Encoding.UTF8.GetString(given["token"]).ShouldBe("build");
    }

    [Fact]
    public async Task Secrets_are_asked_for_again_when_the_silo_that_has_them_goes_away()
    {
        var grain = Substitute.For<ISecretsGrain>();
        var lost = 0;
        grain.ReadAsync().Returns(_ => ++lost <= 3 ? Task.FromException<SealedSecret[]>(new SiloUnavailableException("gone")) : Task.FromResult<SealedSecret[]>([]));
        _grains.GetGrain<ISecretsGrain>("red").Returns(grain);

        var asked = Vault(Keys).ImagesAsync("red", Cancellation);
        while (!asked.IsCompleted)
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            await Task.Yield();
        }
        (await asked).ShouldBeSameAs(_shared);
        lost.ShouldBe(4);
    }
}
