using System.Text;

namespace Grid.EndToEnd.Tests.Telemetry;

/// <summary>A field of a protobuf message: bytes of a string or message, or a number.</summary>
public readonly record struct Field(int Number, byte[] Bytes, ulong Value);

/// <summary>Reads protobuf messages without knowing their types.</summary>
public static class Protobuf
{
    public static List<Field> Fields(byte[] message)
    {
        var fields = new List<Field>();
        for (var at = 0; at < message.Length;)
        {
            var tag = Varint(message, ref at);
            var (number, kind) = ((int)(tag >> 3), (int)(tag & 7));
            switch (kind)
            {
                case 0:
                    fields.Add(new Field(number, [], Varint(message, ref at)));
                    break;
                case 1:
                    fields.Add(new Field(number, [], BitConverter.ToUInt64(message, at)));
                    at += 8;
                    break;
                case 2:
                    var length = (int)Varint(message, ref at);
                    fields.Add(new Field(number, message[at..(at + length)], 0));
                    at += length;
                    break;
                case 5:
                    at += 4;
                    break;
                default:
                    throw new InvalidDataException($"protobuf wire type {kind}");
            }
        }
        return fields;
    }

    public static IEnumerable<byte[]> Messages(this IEnumerable<Field> fields, int number) => fields.Where(f => f.Number == number).Select(f => f.Bytes);

    public static string Text(this IEnumerable<Field> fields, int number) => Encoding.UTF8.GetString(fields.FirstOrDefault(f => f.Number == number).Bytes ?? []);

    public static string Hex(this IEnumerable<Field> fields, int number) => Convert.ToHexStringLower(fields.FirstOrDefault(f => f.Number == number).Bytes ?? []);

    public static ulong Value(this IEnumerable<Field> fields, int number) => fields.FirstOrDefault(f => f.Number == number).Value;

    private static ulong Varint(byte[] message, ref int at)
    {
        ulong value = 0;
        for (var shift = 0; ; shift += 7)
        {
            var part = message[at++];
            value |= (ulong)(part & 0x7F) << shift;
            if (part < 0x80)
                return value;
        }
    }
}
