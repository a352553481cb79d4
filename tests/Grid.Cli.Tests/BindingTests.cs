using System.Text;
using Grid.Buildpacks;
using Grid.Cli.Commands;

namespace Grid.Cli.Tests;

public sealed class BindingTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Binding_IsWhatItsDirectoryHolds()
    {
        File.WriteAllText(Path.Combine(_directory.Path, "type"), "postgresql\n");
        File.WriteAllText(Path.Combine(_directory.Path, "provider"), "example\n");
        File.WriteAllText(Path.Combine(_directory.Path, "password"), "as it is\n");

        var binding = SecretCommand.ReadBinding(new DirectoryInfo(_directory.Path));

        (binding.Type, binding.Provider).ShouldBe(("postgresql", "example"));
        Encoding.UTF8.GetString(binding.Entries.ShouldHaveSingleItem().Value).ShouldBe("as it is\n");
    }

    [Fact]
    public void Binding_WithoutAType_SaysWhatIsMissing() =>
        Should.Throw<LifecycleException>(() => SecretCommand.ReadBinding(new DirectoryInfo(_directory.Path))).Message.ShouldContain("'type'");
}
