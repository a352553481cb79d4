namespace Grid.Architecture.Tests;

/// <summary>Dependencies point down (docs/architecture.md), and what is dangerous stays where it belongs.</summary>
public sealed class DependencyTests
{
    [Theory]
    [InlineData("Grid.Oci")]
    [InlineData("Grid.Buildpacks", "Grid.Oci")]
    [InlineData("Grid.Dockerfiles", "Grid.Oci")]
    [InlineData("Grid.Sandbox", "Grid.Oci")]
    [InlineData("Grid.Sandbox.OciRuntime", "Grid.Oci", "Grid.Sandbox")]
    [InlineData("Grid.Docker", "Grid.Oci", "Grid.Sandbox", "Grid.Sandbox.OciRuntime")]
    [InlineData("Grid.Lifecycle", "Grid.Oci", "Grid.Buildpacks", "Grid.Dockerfiles", "Grid.Sandbox")]
    [InlineData("Grid.Contracts", "Grid.Oci", "Grid.Buildpacks", "Grid.Dockerfiles", "Grid.Sandbox", "Grid.Lifecycle")]
    [InlineData("Grid.Grains", "Grid.Oci", "Grid.Buildpacks", "Grid.Dockerfiles", "Grid.Lifecycle", "Grid.Contracts")]
    [InlineData("Grid.Worker", "Grid.Oci", "Grid.Buildpacks", "Grid.Dockerfiles", "Grid.Sandbox", "Grid.Lifecycle", "Grid.Contracts")]
    [InlineData("Grid.Client", "Grid.Oci", "Grid.Buildpacks", "Grid.Dockerfiles", "Grid.Sandbox", "Grid.Lifecycle", "Grid.Contracts")]
    [InlineData("Grid.Api", "Grid.Oci", "Grid.Buildpacks", "Grid.Dockerfiles", "Grid.Sandbox", "Grid.Lifecycle", "Grid.Contracts", "Grid.Client")]
    [InlineData("Grid.Dashboard", "Grid.Oci", "Grid.Buildpacks", "Grid.Dockerfiles", "Grid.Sandbox", "Grid.Lifecycle", "Grid.Contracts", "Grid.Client", "Grid.Api")]
    public void Dependencies_point_down(string project, params string[] allowed) =>
        Product.References(project).Where(r => r.StartsWith("Grid", StringComparison.Ordinal)).Except(allowed).ShouldBeEmpty($"{project} may not use these");

    [Fact]
    public void Hosting_does_not_know_the_command_line() => Product.References("Grid.Hosting").ShouldNotContain("grid");

    [Theory]
    [InlineData("Orleans", "Grid.Contracts", "Grid.Grains", "Grid.Worker", "Grid.Api", "Grid.Dashboard", "Grid.Hosting", "grid")]
    [InlineData("Docker.DotNet", "Grid.Docker")]
    [InlineData("Tomlyn", "Grid.Buildpacks")]
    [InlineData("ZstdSharp", "Grid.Oci")]
    [InlineData("System.CommandLine", "grid")]
    [InlineData("Spectre.Console", "grid")]
    [InlineData("OpenTelemetry", "Grid.Hosting")]
    [InlineData("Azure", "Grid.Hosting")]
    [InlineData("StackExchange.Redis", "Grid.Hosting")]
    [InlineData("Npgsql", "Grid.Hosting")]
    public void A_package_is_used_where_it_belongs(string package, params string[] allowed) =>
        Product.Names.Where(n => Product.References(n).Any(r => r.StartsWith(package, StringComparison.Ordinal))).Except(allowed).ShouldBeEmpty($"{package} is used there");

    [Fact]
    public void Processes_are_started_in_three_places_only() => FilesWith("new Process {", "new Process(", "Process.Start(", "ProcessStartInfo")
        .Except(["Grid.Oci/Registry/CredentialHelper.cs", "Grid.Lifecycle/Source/GitProcess.cs"]).Where(f => !f.StartsWith("Grid.Sandbox.OciRuntime/", StringComparison.Ordinal) && !f.StartsWith("Grid.Launcher/", StringComparison.Ordinal))
        .ShouldBeEmpty("untrusted programs run in sandboxes only; processes of our own are the credential helper, git without any rights, and the OCI runtime");

    [Fact]
    public void Warnings_are_switched_off_with_a_reason_only() => Product.Sources().SelectMany(f => File.ReadLines(f).Prepend("").Zip(File.ReadLines(f)))
        .Where(l => l.Second.Contains("#pragma warning disable", StringComparison.Ordinal) && !(l.First + l.Second).Contains("//", StringComparison.Ordinal))
        .Select(l => l.Second).ShouldBeEmpty();

    [Fact]
    public void Nothing_is_left_to_do() => FilesWith("TODO", "FIXME", "NotImplementedException").ShouldBeEmpty();

    [Fact]
    public void Files_are_short() => Product.Sources().Where(f => File.ReadLines(f).Count() > 450).ShouldBeEmpty();

    private static List<string> FilesWith(params string[] words) =>
        [.. Product.Sources().Where(f => words.Any(w => File.ReadAllText(f).Contains(w, StringComparison.Ordinal))).Select(f => Path.GetRelativePath(Path.Combine(Product.Root, "src"), f))];
}
