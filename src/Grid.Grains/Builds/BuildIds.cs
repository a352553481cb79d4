using Grid.Contracts.Apps;
using Grid.Contracts.Builds;

namespace Grid.Grains.Builds;

/// <summary>The value of <c>build_id</c> of a build that has been accepted.</summary>
internal static class BuildIds
{
    /// <summary>What the request's policy gives; empty when the build that shall be replayed is not known.</summary>
    public static async Task<string> ResolveAsync(IGrainFactory grains, string key, BuildRequest request, DateTimeOffset now)
    {
        var policy = BuildIdPolicy.Parse(request.BuildId);
        string? replayed = null;
        if (policy.Kind == BuildIdKind.Replay)
        {
            var earlier = policy.Value != "last" ? policy.Value.StartsWith(request.Tenant + "/", StringComparison.Ordinal) ? policy.Value : $"{request.Tenant}/{policy.Value}"
                : (await grains.GetGrain<IAppGrain>($"{request.Tenant}/{request.App}").GetAsync()).Builds.FirstOrDefault()?.BuildKey;
            replayed = earlier is null || earlier == key ? "" : (await grains.GetGrain<IBuildGrain>(earlier).GetStatusAsync()).BuildId;
        }
        return policy.Resolve(request.Tenant, now, Guid.NewGuid(), replayed);
    }
}
