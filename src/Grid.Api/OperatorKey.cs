using Grid.Api.Identity;
using Grid.Contracts.Tenants;

namespace Grid.Api;

/// <summary>The first key of a grid: an operator's, in a file that only its owner reads.</summary>
public static class OperatorKey
{
    /// <summary>The tenant a new grid begins with.</summary>
    public const string FirstTenant = "default";

    /// <summary>
    /// Makes the key of the file valid; makes the file with a new key when there is none, and the first tenant when the grid has none. Safe to repeat
    /// on every node and at every start.
    /// </summary>
    /// <exception cref="InvalidDataException">The file holds something else.</exception>
    public static async Task EnsureAsync(IGrainFactory grains, string file, TimeProvider time)
    {
        if (!File.Exists(file))
            Create(file);
        var text = (await File.ReadAllTextAsync(file)).Trim();
        if (!ApiToken.TryParse(text, out var token))
            throw new InvalidDataException($"{file} does not hold a key of a grid; delete it to get a new one");
        await grains.GetGrain<IApiKeyGrain>(token.Id).CreateAsync(new ApiKey
        {
            Id = token.Id, Tenant = null, Role = Role.Operator, Name = "operator", SecretHash = token.Hash(), CreatedAt = time.GetUtcNow(),
        });
        if ((await grains.GetGrain<ITenantDirectoryGrain>(ITenantDirectoryGrain.Key).ListAsync()).Length == 0)
            await grains.GetGrain<ITenantGrain>(FirstTenant).SetAsync(new TenantSettings());
    }

    private static void Create(string file)
    {
        using var stream = new FileStream(file, new FileStreamOptions
        {
            Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        });
        using var writer = new StreamWriter(stream);
        writer.WriteLine(ApiToken.Create().ToString());
    }
}
