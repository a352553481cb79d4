using System.Collections;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Grid.Oci;
using Grid.Oci.Images;
using Orleans.Runtime;

namespace Grid.Grains.Tests.Contracts;

/// <summary>Values with something in every member, different for members of different names: one that is lost, or that changes places with another, is seen.</summary>
internal static class FilledValues
{
    private static readonly DateTimeOffset Start = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    /// <summary>The value of a type; the same in every process.</summary>
    public static object Of(Type type) => Of(type, type.Name, 0);

    /// <summary>The value of a member or a parameter.</summary>
    public static object Of(Type type, string name) => Of(type, name, 0);

    private static object Of(Type type, string name, int depth)
    {
        if (Nullable.GetUnderlyingType(type) is { } inner)
            return Of(inner, name, depth);
        if (type == typeof(string))
            return $"{name} {depth}";
        if (type == typeof(bool))
            return true;
        if (type == typeof(int) || type == typeof(long) || type == typeof(double))
            return Convert.ChangeType(7 + depth + Number(name), type, System.Globalization.CultureInfo.InvariantCulture);
        if (type == typeof(TimeSpan))
            return TimeSpan.FromSeconds(Number(name));
        if (type == typeof(DateTimeOffset))
            return Start.AddSeconds(Number(name));
        if (type == typeof(Digest))
            return Samples.DigestOf(name);
        if (type == typeof(GrainId))
            return GrainId.Create("grid.build", "tenant/" + name);
        if (type.IsEnum)
            return Enum.GetValues(type).GetValue(Enum.GetValues(type).Length - 1)!;
        if (type == typeof(JsonElement))
            return JsonSerializer.SerializeToElement("value");
        if (type == typeof(ImageConfig))
            return Samples.Image("filled").Config;
        if (type.FullName is "Grid.Dockerfiles.Planning.PlannedStep")
            return new Machines.ExtensionChainTests.Walk("RUN one\n").Steps.Single().Planned;
        if (type == typeof(Grid.Contracts.Work.WorkResult))
            return Of(typeof(Grid.Contracts.Work.AnalyzeDone), name, depth);
        if (type == typeof(Grid.Contracts.Work.WorkItem))
            return Of(typeof(Grid.Contracts.Work.AnalyzeWork), name, depth);
        if (type.IsArray)
            return ListOf(type.GetElementType()!, name, depth);
        if (type.IsGenericType && typeof(IEnumerable).IsAssignableFrom(type))
            return CollectionOf(type, name, depth);
        return ObjectOf(type, depth);
    }

    private static object CollectionOf(Type type, string name, int depth)
    {
        var arguments = type.GetGenericArguments();
        if (arguments.Length == 1)
            return type.IsInterface ? ListOf(arguments[0], name, depth) : Activator.CreateInstance(type, ListOf(arguments[0], name, depth))!;
        var map = (IDictionary)Activator.CreateInstance(typeof(Dictionary<,>).MakeGenericType(arguments))!;
        map[Of(arguments[0], name, depth + 1)] = Of(arguments[1], name, depth + 1);
        return map;
    }

    private static Array ListOf(Type element, string name, int depth)
    {
        var list = Array.CreateInstance(element, 1);
        list.SetValue(Of(element, name, depth + 1), 0);
        return list;
    }

    private static object ObjectOf(Type type, int depth)
    {
        if (depth > 12)
            throw new InvalidOperationException($"{type} does not end");
        var constructor = type.GetConstructors().Where(c => c.GetParameters() is not [var only] || only.ParameterType != type).OrderByDescending(c => c.GetParameters().Length).FirstOrDefault();
        var value = constructor is null ? RuntimeHelpers.GetUninitializedObject(type)
            : constructor.Invoke([.. constructor.GetParameters().Select(p => Of(p.ParameterType, p.Name!, depth + 1))]);
        foreach (var property in type.GetProperties().Where(p => p.SetMethod is not null && p.GetIndexParameters().Length == 0 && p.Name is not ("EqualityContract" or "Other")))
            property.SetValue(value, Of(property.PropertyType, property.Name, depth + 1));
        return value;
    }

    /// <summary>A small number that only depends on the name.</summary>
    private static int Number(string name) => name.Aggregate(17, (sum, c) => (sum * 31 + c) % 9973);
}
