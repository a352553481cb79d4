using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Grid.Oci.Images;

/// <summary>How the documents of an image are read and written as JSON: strictly, and always the same bytes for the same values.</summary>
[JsonSourceGenerationOptions(AllowDuplicateProperties = false, Converters = [typeof(Rfc3339JsonConverter)])]
[JsonSerializable(typeof(ImageManifest))]
[JsonSerializable(typeof(ImageIndex))]
[JsonSerializable(typeof(ImageConfig))]
internal sealed partial class OciJsonContext : JsonSerializerContext
{
    /// <summary>
    /// The context for images: quotes in labels are written as \" and not as \u0022, which halves the labels that hold JSON. The documents are never put into HTML.
    /// </summary>
    public static OciJsonContext Documents { get; } = new(new JsonSerializerOptions
    {
        AllowDuplicateProperties = false,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        Converters = { new Rfc3339JsonConverter() },
    });
}

/// <summary>Times in UTC with a "Z", as every other tool writes them.</summary>
internal sealed class Rfc3339JsonConverter : JsonConverter<DateTimeOffset>
{
    public override DateTimeOffset Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.GetDateTimeOffset();

    public override void Write(Utf8JsonWriter writer, DateTimeOffset value, JsonSerializerOptions options) =>
        writer.WriteStringValue(value.UtcDateTime);
}
