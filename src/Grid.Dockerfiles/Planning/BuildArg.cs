namespace Grid.Dockerfiles.Planning;

/// <summary>A value given from outside for an ARG: <c>build_id</c>, <c>user_id</c>, <c>group_id</c>, <c>base_image</c>, extend-config's, a proxy.</summary>
public sealed record BuildArg(string Name, string Value);

/// <summary>An ARG that was declared after FROM, with its value; null when it has none.</summary>
public sealed record DeclaredArg(string Name, string? Value);
