using Orleans;
using Orleans.Runtime;
using Orleans.Storage;

namespace Grid.Hosting.Tests.Storage;

public abstract partial class GrainStorageConformance
{
    /// <summary>
    /// Two activations of each of three grains read, write and clear at random; a model says what each call must do. A record has a version, 0 for none;
    /// an activation knows the version it last saw, and may change the record only while that is still the version.
    /// </summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public async Task A_random_walk_does_what_the_model_says(int seed)
    {
        var random = new Random(seed);
        var grains = Enumerable.Range(0, 3).Select(_ => NewGrain()).ToArray();
        var records = grains.Select(_ => (Version: 0, Number: 0)).ToArray();
        var activations = grains.SelectMany((_, g) => Enumerable.Range(0, 2).Select(_ => new Activation(g))).ToArray();
        var versions = 0;
        for (var step = 0; step < 120; step++)
        {
            var activation = activations[random.Next(activations.Length)];
            var (grain, state) = (grains[activation.Grain], activation.State);
            var isCurrent = activation.Knows == records[activation.Grain].Version;
            switch (random.Next(5))
            {
                case 0 or 1:
                    await Storage.ReadStateAsync(Name, grain, state);
                    state.RecordExists.ShouldBe(records[activation.Grain].Version > 0, $"step {step}");
                    state.State.Number.ShouldBe(records[activation.Grain].Number, $"step {step}");
                    activation.Knows = records[activation.Grain].Version;
                    break;
                case 2 or 3:
                    state.State.Number = step;
                    if (await SucceedsAsync(Storage.WriteStateAsync(Name, grain, state), isCurrent, $"write at step {step}"))
                        records[activation.Grain] = (activation.Knows = ++versions, step);
                    break;
                default:
                    if (!ChecksEveryClear && !isCurrent && (activation.Knows == 0 || records[activation.Grain].Version == 0))
                        break;
                    if (await SucceedsAsync(Storage.ClearStateAsync(Name, grain, state), isCurrent, $"clear at step {step}"))
                        records[activation.Grain] = (activation.Knows = 0, 0);
                    break;
            }
        }
    }

    private static async Task<bool> SucceedsAsync(Task change, bool expected, string what)
    {
        try
        {
            await change;
            expected.ShouldBeTrue($"{what} must be refused");
            return true;
        }
        catch (InconsistentStateException e)
        {
            expected.ShouldBeFalse($"{what} must succeed: {e.Message}");
            return false;
        }
    }

    private sealed class Activation(int grain)
    {
        public int Grain { get; } = grain;

        public StoredState State { get; } = new();

        public int Knows { get; set; }
    }
}
