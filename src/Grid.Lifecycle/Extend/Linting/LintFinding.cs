namespace Grid.Lifecycle.Extend.Linting;

/// <summary>Something an extension's author should know.</summary>
/// <param name="File">Path below the directory that was looked at.</param>
/// <param name="Line">1-based; 1 for what concerns the whole file.</param>
/// <param name="Column">1-based.</param>
/// <param name="IsError">Whether a build would fail; else it is a warning.</param>
/// <param name="Message">What is wrong.</param>
/// <param name="Advice">What to do; may be empty.</param>
public sealed record LintFinding(string File, int Line, int Column, bool IsError, string Message, string Advice)
{
    public override string ToString() => $"{File}:{Line}:{Column}: {(IsError ? "error" : "warning")}: {Message}{(Advice.Length > 0 ? "; " : "")}{Advice}";
}
