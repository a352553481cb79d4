using System.Reflection;
using Orleans;
using Orleans.Runtime;

namespace Grid.Architecture.Tests;

/// <summary>What travels between silos keeps its name and its numbers when code moves.</summary>
public sealed class ContractTests
{
    private static readonly string[] WithContracts = ["Grid.Contracts", "Grid.Grains", "Grid.Worker"];

    private static IEnumerable<Type> Types => WithContracts.SelectMany(Product.Types);

    private static IEnumerable<Type> Messages => Types.Where(t => t.IsDefined(typeof(GenerateSerializerAttribute), false));

    private static IEnumerable<Type> GrainInterfaces => Types.Where(t => t.IsInterface && typeof(IAddressable).IsAssignableFrom(t));

    [Fact]
    public void Grain_interfaces_and_their_methods_have_an_alias()
    {
        GrainInterfaces.Count().ShouldBeGreaterThan(5);
        GrainInterfaces.Where(t => t.GetCustomAttribute<AliasAttribute>(false) is null).ShouldBeEmpty();
        GrainInterfaces.SelectMany(t => t.GetMethods()).Where(m => m.GetCustomAttribute<AliasAttribute>(false) is null).Select(m => $"{m.DeclaringType!.Name}.{m.Name}").ShouldBeEmpty();
    }

    [Fact]
    public void Messages_have_an_alias_of_their_own()
    {
        Messages.Where(t => t.GetCustomAttribute<AliasAttribute>(false) is null).ShouldBeEmpty();
        Types.Select(t => t.GetCustomAttribute<AliasAttribute>(false)?.Alias).OfType<string>().GroupBy(a => a).Where(g => g.Count() > 1).Select(g => g.Key).ShouldBeEmpty();
    }

    [Fact]
    public void Members_of_messages_have_numbers_of_their_own()
    {
        foreach (var type in Messages)
        {
            var members = type.GetProperties(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly).Where(p => p.SetMethod is not null).ToList();
            members.Where(p => p.GetCustomAttribute<IdAttribute>() is null).Select(p => $"{type.Name}.{p.Name}").ShouldBeEmpty();
            members.Select(p => p.GetCustomAttribute<IdAttribute>()!.Id).ShouldBeUnique(type.Name);
        }
    }

    [Fact]
    public void Grains_have_a_name_that_does_not_depend_on_their_class() =>
        Types.Where(t => t.IsSubclassOf(typeof(Grain))).Where(t => t.GetCustomAttribute<GrainTypeAttribute>() is null || !t.IsSealed).ShouldBeEmpty();

    [Fact]
    public void Stored_state_has_a_version() =>
        Product.Types("Grid.Grains").Where(t => t.Name.EndsWith("GrainState", StringComparison.Ordinal)).Where(t => t.GetProperty("SchemaVersion") is null).ShouldBeEmpty();

    // Orleans' storage in PostgreSQL does not tell grain types apart.
    [Fact]
    public void Stored_states_have_names_of_their_own() => Types.Where(t => t.IsSubclassOf(typeof(Grain)))
        .SelectMany(t => t.GetConstructors().SelectMany(c => c.GetParameters()).Select(p => p.GetCustomAttribute<PersistentStateAttribute>()?.StateName)).OfType<string>()
        .ShouldBeUnique();

    [Fact]
    public void Grains_touch_neither_sandboxes_nor_files() => Product.Sources("Grid.Grains")
        .Where(f => new[] { "Grid.Sandbox", "File.", "Directory.", "HttpClient" }.Any(w => File.ReadAllText(f).Contains(w, StringComparison.Ordinal)) && !f.EndsWith("ExtensionChain.cs", StringComparison.Ordinal))
        .Select(Path.GetFileName).ShouldBeEmpty();
}
