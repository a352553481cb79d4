using Grid.Dockerfiles.Planning;
using Grid.Dockerfiles.Syntax;

namespace Grid.Dockerfiles.Context;

/// <summary>
/// Finds what COPY and ADD take from a context, and where it goes: files as they are named, the contents of directories, patterns as Go's
/// filepath.Match. A source that is a link is followed inside the context; links found below a directory are copied as links.
/// </summary>
public static class ContextMatcher
{
    /// <summary>
    /// What the step copies, in the order to be written (a later file replaces an earlier one at the same place). Throws
    /// <see cref="DockerfileException"/> when a source without wildcards is not there, when patterns alone match nothing, when a pattern
    /// is malformed, and when several files would go to one name. URLs and here-documents are not part of it.
    /// </summary>
    public static IReadOnlyList<CopiedFile> Match(CopyStep step, ContextIndex index, IgnoreFile? ignore) =>
        Located(step, () => new SourceMatcher(step, new ContextTree(ignore?.Apply(index) ?? index)).Match());

    /// <summary>What the bind mounts of a RUN show, for its key. Throws <see cref="DockerfileException"/> when a source is not there.</summary>
    public static IReadOnlyList<CopiedFile> MatchMounts(RunStep step, ContextIndex index, IgnoreFile? ignore) => Located(step, () =>
    {
        var files = new List<CopiedFile>();
        var tree = new ContextTree(ignore?.Apply(index) ?? index);
        foreach (var mount in step.Mounts.Where(mount => mount.Kind == RunMountKind.Bind))
        {
            var entry = tree.Resolve(mount.Source) ?? throw new FormatException($"--mount source {mount.Source} is not in the build context");
            files.Add(new CopiedFile(entry.Path, mount.Target, entry) { IsRoot = entry.Type == ContextEntryType.Directory });
            if (entry.Type == ContextEntryType.Directory)
                files.AddRange(tree.Below(entry.Path).Select(below => new CopiedFile(below.Path, ImagePath.Join(mount.Target, Relative(entry.Path, below.Path)), below)));
        }
        return files;
    });

    /// <summary>What a path of the context stands for, links resolved inside it; null when nothing is there.</summary>
    public static ContextEntry? Resolve(ContextIndex index, string path) => new ContextTree(index).Resolve(path);

    internal static string Relative(string directory, string path) => directory.Length == 0 ? path : path[(directory.Length + 1)..];

    private static List<CopiedFile> Located(PlannedStep step, Func<List<CopiedFile>> match)
    {
        try
        {
            return match();
        }
        catch (FormatException e)
        {
            throw step.Error(e.Message, "look at the sources, the build context and its .dockerignore");
        }
    }
}
