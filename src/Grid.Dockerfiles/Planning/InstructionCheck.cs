using Grid.Dockerfiles.Syntax;
using Grid.Oci.Images;

namespace Grid.Dockerfiles.Planning;

/// <summary>
/// Finds what is wrong with an instruction whatever it meets. Words with variables are left alone, for what they become is not known; but the options of RUN are checked apart
/// from its command, which nearly always has some.
/// </summary>
internal static class InstructionCheck
{
    private static readonly ImageState AnyImage = new([], new ContainerConfig(), "linux", "amd64");

    public static IEnumerable<DockerfileException> Find(Dockerfile dockerfile, IEnumerable<Instruction> instructions)
    {
        foreach (var instruction in instructions)
        {
            if (FindInFlags(dockerfile, instruction) is { } inFlags)
                yield return inFlags;
            else if (!HasVariables(instruction) && Try(() => new StepWriter(dockerfile, instruction, 0, AnyImage, new StageScope()).Write()) is { } problem)
                yield return Error(dockerfile, instruction, instruction.Source.Line, instruction.Source.Column, problem);
        }
    }

    private static DockerfileException? FindInFlags(Dockerfile dockerfile, Instruction instruction)
    {
        if (instruction is not RunInstruction)
            return null;
        foreach (var flag in instruction.Flags)
        {
            if (Try(() => Check(flag)) is { } problem)
                return Error(dockerfile, instruction, flag.Line, flag.Column, problem);
        }
        return null;
    }

    private static void Check(InstructionFlag flag)
    {
        switch (flag.Name)
        {
            case "mount":
                RunMountReader.Check(flag.Value);
                break;
            case "network":
                StepWriter.Network(flag.Value);
                break;
            case "security":
                StepWriter.CheckSecurity(flag.Value);
                break;
        }
    }

    private static bool HasVariables(Instruction instruction) =>
        instruction.Text.Contains('$') || instruction.Heredocs.Any(heredoc => heredoc.Expand && heredoc.Content.Contains('$'));

    private static string? Try(Action evaluate)
    {
        try
        {
            evaluate();
            return null;
        }
        catch (FormatException e)
        {
            return e.Message;
        }
    }

    private static DockerfileException Error(Dockerfile dockerfile, Instruction instruction, int line, int column, string what) =>
        new(dockerfile.FileName, line, column, what, $"correct the {instruction.Keyword} instruction");
}
