using System.Reflection;
using System.Runtime.CompilerServices;

namespace Grid.Architecture.Tests;

/// <summary>The product's assemblies and source files.</summary>
internal static class Product
{
    public static readonly string[] Names =
    [
        "Grid.Oci", "Grid.Buildpacks", "Grid.Dockerfiles", "Grid.Sandbox", "Grid.Sandbox.OciRuntime", "Grid.Docker", "Grid.Lifecycle", "Grid.Contracts", "Grid.Grains", "Grid.Worker",
        "Grid.Client", "Grid.Api", "Grid.Dashboard", "Grid.Hosting", "grid",
    ];

    public static Assembly Load(string name) => Assembly.LoadFrom(Path.Combine(AppContext.BaseDirectory, name + ".dll"));

    public static IReadOnlyList<string> References(string name) => [.. Load(name).GetReferencedAssemblies().Select(r => r.Name!)];

    /// <summary>Types written by hand: no generated codecs, closures or state machines.</summary>
    public static IEnumerable<Type> Types(string name) => Load(name).GetTypes().Where(t =>
        t.Namespace?.StartsWith("Grid.", StringComparison.Ordinal) == true && !t.IsDefined(typeof(CompilerGeneratedAttribute), false) && !t.Name.Contains('<', StringComparison.Ordinal)
        && !t.IsDefined(typeof(System.CodeDom.Compiler.GeneratedCodeAttribute), false));

    public static string Root { get; } = FindRoot();

    public static IEnumerable<string> Sources(string? project = null) =>
        Directory.EnumerateFiles(Path.Combine(Root, "src", project ?? ""), "*.cs", SearchOption.AllDirectories).Where(f => !f.Contains("/obj/", StringComparison.Ordinal));

    private static string FindRoot([CallerFilePath] string here = "")
    {
        var directory = new DirectoryInfo(File.Exists(here) ? Path.GetDirectoryName(here)! : AppContext.BaseDirectory);
        while (directory is not null && !File.Exists(Path.Combine(directory.FullName, "Grid.sln")))
            directory = directory.Parent;
        return directory?.FullName ?? throw new InvalidOperationException("Grid.sln is in no directory above the tests");
    }
}
