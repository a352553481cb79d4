using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;

namespace Grid.Conformance.Tests;

/// <summary>That a test proves something: a clause (by id) or a decision (by row).</summary>
/// <param name="What">A clause's id, or "decision/" and the row.</param>
/// <param name="Project">The test's project.</param>
/// <param name="Test">Class and method.</param>
/// <param name="Case">The recorded case that shows it, if the test has many.</param>
internal sealed record Proof(string What, string Project, string Test, string? Case);

/// <summary>Reads the attributes of tests from a built assembly, without loading it.</summary>
internal static class TestAssembly
{
    public static IReadOnlyList<Proof> Proofs(string path, string project)
    {
        using var file = new PEReader(File.OpenRead(path));
        var metadata = file.GetMetadataReader();
        var proofs = new List<Proof>();
        foreach (var type in metadata.TypeDefinitions.Select(metadata.GetTypeDefinition))
        {
            foreach (var method in type.GetMethods().Select(metadata.GetMethodDefinition))
            {
                var test = $"{metadata.GetString(type.Name)}.{metadata.GetString(method.Name)}";
                foreach (var attribute in method.GetCustomAttributes().Select(metadata.GetCustomAttribute))
                    proofs.AddRange(Read(metadata, attribute, new Proof("", project, test, null)));
            }
        }
        return proofs;
    }

    private static IEnumerable<Proof> Read(MetadataReader metadata, CustomAttribute attribute, Proof proof)
    {
        // In the assembly itself, because the attributes' source is compiled into each.
        if (attribute.Constructor.Kind != HandleKind.MethodDefinition)
            return [];
        var type = metadata.GetTypeDefinition(metadata.GetMethodDefinition((MethodDefinitionHandle)attribute.Constructor).GetDeclaringType());
        if (metadata.GetString(type.Namespace) != "Grid.Traceability")
            return [];
        // ECMA-335 II.23.3: a prolog, the constructor's arguments, the number of named arguments, these.
        var blob = metadata.GetBlobReader(attribute.Value);
        blob.ReadUInt16();
        string[] what = metadata.GetString(type.Name) == "DecisionAttribute" ? [$"decision/{blob.ReadInt32()}"] : Strings(ref blob);
        var named = blob.ReadUInt16();
        if (named > 0)
        {
            // A property (0x54) of type string (0x0E): Case is the only one.
            blob.ReadUInt16();
            blob.ReadSerializedString();
            proof = proof with { Case = blob.ReadSerializedString() };
        }
        return what.Select(id => proof with { What = id });
    }

    private static string[] Strings(ref BlobReader blob)
    {
        var strings = new string[blob.ReadInt32()];
        for (var i = 0; i < strings.Length; i++)
            strings[i] = blob.ReadSerializedString() ?? "";
        return strings;
    }
}
