using System.Reflection;
using Grid.Buildpacks.Metadata;

namespace Grid.Cli.Lifecycle;

/// <summary>The version of this lifecycle.</summary>
internal static class PhaseVersion
{
    /// <summary>With the commit it was built from.</summary>
    public static string Text { get; } = typeof(PhaseVersion).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "0.0.0";

    /// <summary>What an app image says about the launcher in it.</summary>
    public static LauncherMetadata Launcher { get; } = Text.Split('+') is [var version, var commit, ..]
        ? new LauncherMetadata { Version = version, Source = new LauncherSource { Git = new GitSource { Commit = commit } } }
        : new LauncherMetadata { Version = Text };
}
