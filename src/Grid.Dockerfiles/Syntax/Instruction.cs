using System.Text.Json.Serialization;

namespace Grid.Dockerfiles.Syntax;

/// <summary>One instruction as written; nothing is expanded yet.</summary>
[JsonDerivedType(typeof(FromInstruction), "FROM")]
[JsonDerivedType(typeof(ArgInstruction), "ARG")]
[JsonDerivedType(typeof(EnvInstruction), "ENV")]
[JsonDerivedType(typeof(LabelInstruction), "LABEL")]
[JsonDerivedType(typeof(RunInstruction), "RUN")]
[JsonDerivedType(typeof(CopyInstruction), "COPY")]
[JsonDerivedType(typeof(AddInstruction), "ADD")]
[JsonDerivedType(typeof(UserInstruction), "USER")]
[JsonDerivedType(typeof(WorkdirInstruction), "WORKDIR")]
[JsonDerivedType(typeof(ShellInstruction), "SHELL")]
[JsonDerivedType(typeof(CmdInstruction), "CMD")]
[JsonDerivedType(typeof(EntrypointInstruction), "ENTRYPOINT")]
[JsonDerivedType(typeof(OtherInstruction), "other")]
public abstract record Instruction
{
    /// <summary>Upper-case keyword, such as <c>RUN</c>.</summary>
    [JsonIgnore]
    public abstract string Keyword { get; }

    /// <summary>Where it stands.</summary>
    public SourceSpan Source { get; init; }

    /// <summary>
    /// Canonical text: keyword in upper case, continuation lines joined, comments inside dropped; heredoc bodies are not in it.
    /// </summary>
    public string Text { get; init; } = "";

    /// <summary>Here-documents in the order they were opened.</summary>
    public IReadOnlyList<Heredoc> Heredocs { get; init; } = [];

    /// <summary>The <c>--name=value</c> options before the arguments.</summary>
    public IReadOnlyList<InstructionFlag> Flags { get; init; } = [];

    /// <summary>The value of an option that may stand once, or null when it is not there.</summary>
    public string? Flag(string name) => Flags.FirstOrDefault(flag => flag.Name == name)?.Value;

    /// <summary>Whether an option without a value, or with <c>=true</c>, is set.</summary>
    public bool Switch(string name) => Flag(name) is "true";
}

/// <summary>An option <c>--name=value</c>; an option that is only a name has the value <c>true</c>.</summary>
public sealed record InstructionFlag(string Name, string Value, int Line, int Column);

/// <summary>A name and a value as written, quotes included.</summary>
public sealed record NameValue(string Name, string Value);

/// <summary>A name that may have a default value; null when none was written.</summary>
public sealed record ArgDeclaration(string Name, string? Default);

/// <summary>A command in shell form (one argument, to be given to the shell) or exec form (the argument list itself).</summary>
public sealed record CommandLine(IReadOnlyList<string> Arguments, bool IsShell);

/// <summary>FROM.</summary>
public sealed record FromInstruction(string Image, string? StageName) : Instruction
{
    public override string Keyword => "FROM";
}

/// <summary>ARG; one instruction may declare several.</summary>
public sealed record ArgInstruction(IReadOnlyList<ArgDeclaration> Declarations) : Instruction
{
    public override string Keyword => "ARG";
}

/// <summary>ENV, in either form.</summary>
public sealed record EnvInstruction(IReadOnlyList<NameValue> Variables) : Instruction
{
    public override string Keyword => "ENV";
}

/// <summary>LABEL.</summary>
public sealed record LabelInstruction(IReadOnlyList<NameValue> Labels) : Instruction
{
    public override string Keyword => "LABEL";
}

/// <summary>RUN. Its <c>--mount</c> and <c>--network</c> options are read when it is planned, since values may hold variables.</summary>
public sealed record RunInstruction(CommandLine Command) : Instruction
{
    public override string Keyword => "RUN";
}

/// <summary>COPY.</summary>
/// <param name="Sources">Paths and patterns; here-documents are in <see cref="Instruction.Heredocs"/> instead.</param>
/// <param name="Destination">As written.</param>
public sealed record CopyInstruction(IReadOnlyList<string> Sources, string Destination) : Instruction
{
    public override string Keyword => "COPY";
}

/// <summary>ADD: as COPY, and local archives are unpacked and URLs fetched.</summary>
public sealed record AddInstruction(IReadOnlyList<string> Sources, string Destination) : Instruction
{
    public override string Keyword => "ADD";
}

/// <summary>USER.</summary>
public sealed record UserInstruction(string User) : Instruction
{
    public override string Keyword => "USER";
}

/// <summary>WORKDIR.</summary>
public sealed record WorkdirInstruction(string Path) : Instruction
{
    public override string Keyword => "WORKDIR";
}

/// <summary>SHELL; always a JSON array.</summary>
public sealed record ShellInstruction(IReadOnlyList<string> Shell) : Instruction
{
    public override string Keyword => "SHELL";
}

/// <summary>CMD.</summary>
public sealed record CmdInstruction(CommandLine Command) : Instruction
{
    public override string Keyword => "CMD";
}

/// <summary>ENTRYPOINT.</summary>
public sealed record EntrypointInstruction(CommandLine Command) : Instruction
{
    public override string Keyword => "ENTRYPOINT";
}

/// <summary>EXPOSE, VOLUME, STOPSIGNAL, HEALTHCHECK, ONBUILD and MAINTAINER, which only describe the image.</summary>
/// <param name="Name">The keyword in upper case.</param>
/// <param name="Arguments">
/// Its words; one element holding the rest of the line for STOPSIGNAL, ONBUILD and MAINTAINER; for HEALTHCHECK the kind
/// (<c>NONE</c>, <c>CMD</c> for exec form, <c>CMD-SHELL</c>) and the command.
/// </param>
public sealed record OtherInstruction(string Name, IReadOnlyList<string> Arguments) : Instruction
{
    [JsonIgnore]
    public override string Keyword => Name;
}
