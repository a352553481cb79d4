namespace Grid.Grains;

/// <summary>The name of the storage provider all our grains use; which provider that is, configuration says.</summary>
public static class GridStorage
{
    public const string Name = "grid";
}
