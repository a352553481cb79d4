namespace Grid.Dockerfiles.Planning;

/// <summary>
/// The ARGs of a build between two steps. Given values have no effect until an ARG names them; the proxy variables are the exception Docker makes.
/// </summary>
public sealed record StageScope
{
    /// <summary>Proxy variables, usable without a declaration; they change neither the image nor a step key.</summary>
    public static readonly IReadOnlyList<string> ProxyNames =
        ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "FTP_PROXY", "ftp_proxy", "NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy"];

    /// <summary>Values given from outside; of equal names the last counts.</summary>
    public IReadOnlyList<BuildArg> Given { get; init; } = [];

    /// <summary>ARGs before FROM and the platform's (<c>TARGETARCH</c> …); seen after FROM only when declared again without a default.</summary>
    public IReadOnlyList<BuildArg> Global { get; init; } = [];

    /// <summary>ARGs declared after FROM so far, in order, each name once.</summary>
    public IReadOnlyList<DeclaredArg> Declared { get; init; } = [];

    /// <summary>Most ARGs a file may declare.</summary>
    internal const int MaxArgs = 1024;

    internal string? GivenValue(string name) => Given.LastOrDefault(arg => arg.Name == name)?.Value;

    internal string? GlobalValue(string name) => Global.LastOrDefault(arg => arg.Name == name)?.Value;

    internal string? DeclaredValue(string name) => Declared.FirstOrDefault(arg => arg.Name == name)?.Value;

    internal StageScope Declare(string name, string? value)
    {
        var declared = Declared.ToList();
        var index = declared.FindIndex(arg => arg.Name == name);
        if (index < 0 && declared.Count == MaxArgs)
            throw new FormatException($"more than {MaxArgs} ARGs are declared");
        if (index < 0)
            declared.Add(new DeclaredArg(name, value));
        else
            declared[index] = new DeclaredArg(name, value ?? declared[index].Value);
        return this with { Declared = declared };
    }

    /// <summary>The given proxy settings, as <c>NAME=value</c>, apart from those that were declared like any other ARG.</summary>
    internal IReadOnlyList<string> Proxies() =>
        [.. ProxyNames.Where(name => GivenValue(name) is not null && !Declared.Any(arg => arg.Name == name)).Select(name => name + "=" + GivenValue(name))];
}
