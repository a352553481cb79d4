using Grid.Oci.Registry;

namespace Grid.Oci.Tests.Registry;

public sealed class RepositoryCredentialsTests
{
    private static readonly RegistryCredential Whole = RegistryCredential.Basic("whole", "p");
    private static readonly RegistryCredential Team = RegistryCredential.Basic("team", "p");
    private static readonly RegistryCredential Others = RegistryCredential.Identity("t");

    private sealed class Node : ICredentialStore
    {
        public ValueTask<RegistryCredential?> FindAsync(string registry, CancellationToken cancellationToken) => ValueTask.FromResult<RegistryCredential?>(Others);
    }

    private static readonly RepositoryCredentials Credentials = new(new Dictionary<string, RegistryCredential>
    {
        ["registry.example"] = Whole, ["registry.example/team"] = Team, ["index.docker.io/team"] = Team,
    }, new Node());

    [Theory]
    [InlineData("registry.example", "team/app", "team")]
    [InlineData("registry.example", "team", "team")]
    [InlineData("registry.example", "team2/app", "whole")]
    [InlineData("registry.example", "other/team/app", "whole")]
    [InlineData("registry.example", null, "whole")]
    [InlineData("registry.example:5000", "team/app", null)]
    [InlineData("elsewhere.example", "team/app", null)]
    [InlineData("registry-1.docker.io", "team/app", "team")]
    public async Task Find_TheLongestPrefixOfWholePartsWins_AndTheNodeComesLast(string registry, string? repository, string? expected) =>
        (await Credentials.FindAsync(registry, repository, TestContext.Current.CancellationToken)).ShouldBe(expected switch { "team" => Team, "whole" => Whole, _ => Others });

    [Theory]
    [InlineData("registry.example", "registry.example")]
    [InlineData("registry.example/", "registry.example")]
    [InlineData("Registry.Example:5000/team/sub", null)]
    [InlineData("registry.example:5000/team/sub", "registry.example:5000/team/sub")]
    [InlineData("docker.io/team", "index.docker.io/team")]
    [InlineData("https://registry.example", null)]
    [InlineData("registry.example/UPPER", null)]
    [InlineData("registry", null)]
    [InlineData("", null)]
    [InlineData("/team", null)]
    public void NameOf_IsARegistryOrAPartOfOne(string text, string? expected) => RepositoryCredentials.NameOf(text).ShouldBe(expected);
}
