using Grid.Contracts.Secrets;
using Orleans.Runtime;

namespace Grid.Grains.Secrets;

/// <summary>What is stored of an owner's secrets.</summary>
[GenerateSerializer, Alias("grid.SecretsState")]
public sealed class SecretsGrainState
{
    [Id(0)] public int SchemaVersion { get; set; } = 1;

    /// <summary>In order of kind and name.</summary>
    [Id(1)] public List<SealedSecret> Secrets { get; set; } = [];
}

/// <inheritdoc cref="ISecretsGrain"/>
[GrainType("grid.secrets")]
public sealed class SecretsGrain([PersistentState("secrets", GridStorage.Name)] IPersistentState<SecretsGrainState> state) : Grain, ISecretsGrain
{
    private List<SealedSecret> Secrets => state.State.Secrets;

    public async Task<bool> SetAsync(SealedSecret secret)
    {
        var others = Secrets.Where(s => !Same(s, secret.Kind, secret.Name)).ToList();
        if (others.Sum(s => s.Box.Length) + secret.Box.Length > ISecretsGrain.MaxBytes)
            return false;
        state.State.Secrets = [.. others.Append(secret).OrderBy(s => s.Kind).ThenBy(s => s.Name, StringComparer.Ordinal)];
        await this.SaveAsync(state);
        return true;
    }

    public async Task<bool> ReplaceAsync(SealedSecret known, SealedSecret fresh)
    {
        var at = Secrets.FindIndex(s => Same(s, known.Kind, known.Name) && s.Box.AsSpan().SequenceEqual(known.Box));
        if (at < 0 || !Same(fresh, known.Kind, known.Name))
            return false;
        Secrets[at] = fresh;
        await this.SaveAsync(state);
        return true;
    }

    public async Task<bool> RemoveAsync(SecretKind kind, string name)
    {
        if (Secrets.RemoveAll(s => Same(s, kind, name)) == 0)
            return false;
        await this.SaveAsync(state);
        return true;
    }

    public Task<SealedSecret[]> ReadAsync() => Task.FromResult(Secrets.ToArray());

    public Task ClearAsync() => this.ClearAsync(state);

    private static bool Same(SealedSecret secret, SecretKind kind, string name) => secret.Kind == kind && string.Equals(secret.Name, name, StringComparison.Ordinal);
}
