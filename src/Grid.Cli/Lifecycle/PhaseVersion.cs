using System.Reflection;

namespace Grid.Cli.Lifecycle;

/// <summary>The version of this lifecycle.</summary>
internal static class PhaseVersion
{
    public static string Text { get; } = typeof(PhaseVersion).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "0.0.0";
}
