using System.Collections;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Grid.Contracts.Builds;
using Grid.Contracts.Events;
using Grid.Grains.Builds;
using Grid.Oci;
using Grid.Oci.Images;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Runtime;
using Orleans.Serialization;

namespace Grid.Grains.Tests.Cluster;

/// <summary>Every message and every state survives both serializers: Orleans' between silos, System.Text.Json in storage and journals.</summary>
public sealed class SerializationTests
{
    public static TheoryData<Type> Messages() => [.. typeof(BuildRequest).Assembly.GetTypes()
        .Where(t => !t.IsAbstract && t.GetCustomAttributes().Any(a => a.GetType().Name == "GenerateSerializerAttribute") && !t.Name.Contains("Invokable", StringComparison.Ordinal))];

    public static TheoryData<Type> States() => [.. typeof(BuildGrainState).Assembly.GetTypes().Where(t => t.Name.EndsWith("State", StringComparison.Ordinal) && t.GetProperty("SchemaVersion") is not null)];

    public static TheoryData<Type> Events() => [.. typeof(BuildEvent).Assembly.GetTypes().Where(t => t.IsSubclassOf(typeof(BuildEvent)))];

    [Theory, MemberData(nameof(Messages))]
    public void Messages_survive_the_Orleans_serializer(Type type)
    {
        using var services = new ServiceCollection().AddSerializer(TestGrid.Json).BuildServiceProvider();
        var value = Filled(type);
        var serializer = services.GetRequiredService<Serializer>();
        var read = serializer.Deserialize<object>(serializer.SerializeToArray<object>(value))!;
        Text(read).ShouldBe(Text(value));
        Text(services.GetRequiredService<DeepCopier>().Copy(value)!).ShouldBe(Text(value));
    }

    [Theory, MemberData(nameof(States))]
    public void States_survive_storage(Type type)
    {
        var value = Filled(type);
        var text = JsonSerializer.Serialize(value, type);
        JsonSerializer.Serialize(JsonSerializer.Deserialize(text, type), type).ShouldBe(text);
        text.ShouldContain("\"SchemaVersion\":");
    }

    [Theory, MemberData(nameof(Events))]
    public void Events_survive_the_journal(Type type)
    {
        var value = (BuildEvent)Filled(type);
        var text = JsonSerializer.Serialize(value);
        var read = JsonSerializer.Deserialize<BuildEvent>(text);
        read.ShouldBeOfType(type);
        JsonSerializer.Serialize(read).ShouldBe(text);
    }

    [Fact]
    public void There_are_messages_states_and_events()
    {
        Messages().Count.ShouldBeGreaterThan(25);
        States().Count.ShouldBeGreaterThan(4);
        Events().Count.ShouldBe(9);
    }

    private static string Text(object value) => JsonSerializer.Serialize(value, value.GetType(), Options);

    private static readonly JsonSerializerOptions Options = new();

    /// <summary>A value with something in every member, so that a member that is lost is seen.</summary>
    private static object Filled(Type type, int depth = 0)
    {
        if (Nullable.GetUnderlyingType(type) is { } inner)
            return Filled(inner, depth);
        if (type == typeof(string))
            return "text " + depth;
        if (type == typeof(bool))
            return true;
        if (type == typeof(int) || type == typeof(long))
            return Convert.ChangeType(7 + depth, type, System.Globalization.CultureInfo.InvariantCulture);
        if (type == typeof(DateTimeOffset))
            return new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);
        if (type == typeof(Digest))
            return Samples.DigestOf("digest");
        if (type == typeof(GrainId))
            return GrainId.Create("grid.build", "tenant/b");
        if (type.IsEnum)
            return Enum.GetValues(type).GetValue(Enum.GetValues(type).Length - 1)!;
        if (type == typeof(JsonElement))
            return JsonSerializer.SerializeToElement("value");
        if (type == typeof(ImageConfig))
            return Samples.Image("filled").Config;
        if (type.FullName is "Grid.Dockerfiles.Planning.PlannedStep")
            return Planned();
        if (type == typeof(Grid.Contracts.Work.WorkResult))
            return Filled(typeof(Grid.Contracts.Work.AnalyzeDone), depth);
        if (type.IsArray)
            return FilledList(type.GetElementType()!, depth);
        if (type.IsGenericType && typeof(IEnumerable).IsAssignableFrom(type))
        {
            var arguments = type.GetGenericArguments();
            if (arguments.Length == 1)
                return type.IsInterface ? FilledList(arguments[0], depth) : Activator.CreateInstance(type, FilledList(arguments[0], depth))!;
            var map = (IDictionary)Activator.CreateInstance(typeof(Dictionary<,>).MakeGenericType(arguments))!;
            map[Filled(arguments[0], depth + 1)] = Filled(arguments[1], depth + 1);
            return map;
        }
        return FilledObject(type, depth);
    }

    private static object Planned() => new Machines.ExtensionChainTests.Walk("RUN one\n").Steps.Single().Planned;

    private static Array FilledList(Type element, int depth)
    {
        var list = Array.CreateInstance(element, 1);
        list.SetValue(Filled(element, depth + 1), 0);
        return list;
    }

    private static object FilledObject(Type type, int depth)
    {
        if (depth > 12)
            throw new InvalidOperationException($"{type} does not end");
        var constructor = type.GetConstructors().Where(c => c.GetParameters() is not [var only] || only.ParameterType != type).OrderByDescending(c => c.GetParameters().Length).FirstOrDefault();
        var value = constructor is null ? RuntimeHelpers.GetUninitializedObject(type)
            : constructor.Invoke([.. constructor.GetParameters().Select(p => Filled(p.ParameterType, depth + 1))]);
        foreach (var property in type.GetProperties().Where(p => p.SetMethod is not null && p.GetIndexParameters().Length == 0 && p.Name is not ("EqualityContract" or "Other")))
            property.SetValue(value, Filled(property.PropertyType, depth + 1));
        return value;
    }
}
