namespace Grid.Oci.Layers;

/// <summary>Numbers in tar headers: octal text, or GNU's base 256 when the first bit is set.</summary>
internal static class TarNumber
{
    internal static bool TryRead(ReadOnlySpan<byte> field, out long number)
    {
        number = 0;
        if ((field[0] & 0x80) != 0)
            return TryReadBinary(field, out number);
        foreach (var c in field.Trim(" \0"u8))
        {
            if (c is < (byte)'0' or > (byte)'7' || number >= 1L << 60)
                return false;
            number = (number << 3) + (c - '0');
        }
        return true;
    }

    private static bool TryReadBinary(ReadOnlySpan<byte> field, out long number)
    {
        // Two's complement over the whole field but its first bit.
        var negative = (field[0] & 0x40) != 0;
        number = negative ? -1 : 0;
        for (var i = 0; i < field.Length; i++)
        {
            var value = i == 0 ? (negative ? field[0] : (byte)(field[0] & 0x7F)) : field[i];
            if (number is > long.MaxValue >> 8 or < long.MinValue >> 8)
                return false;
            number = (number << 8) | value;
        }
        return true;
    }
}
