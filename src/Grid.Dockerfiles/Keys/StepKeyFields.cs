using System.Globalization;
using Grid.Dockerfiles.Context;
using Grid.Dockerfiles.Planning;

namespace Grid.Dockerfiles.Keys;

/// <summary>Lists what decides a step's result, most general first.</summary>
internal static class StepKeyFields
{
    /// <summary>Changes whenever the meaning of a field, or how we run a step, changes.</summary>
    private const string Format = "grid-step-3";

    /// <summary>More files than this are one field: the key's state stays small.</summary>
    private const int MaxFileFields = 128;

    private const int MaxPlainValue = 200;

    public static IReadOnlyList<KeyField> Of(StepKeyInput input)
    {
        var step = input.Step;
        var fields = new List<KeyField>
        {
            new("key format", Format),
            new("cache scope", input.Scope),
            new("platform", Joined([step.Before.Os, step.Before.Arch, step.Before.Variant ?? ""])),
        };
        // A layer that is made without the image is the same on any image.
        if (step is not CopyStep { Link: true })
            fields.Add(new KeyField("parent layers", StepKey.HashOf(step.Before.DiffIds.Select(digest => digest.ToString())).ToString()));
        fields.Add(new KeyField("instruction", Plain(step.Text)));
        switch (step)
        {
            case RunStep run:
                AddRun(fields, run);
                break;
            case CopyStep copy:
                AddCopy(fields, copy, input.Urls);
                break;
            case WorkdirStep workdir:
                fields.Add(new KeyField("directory", Plain(workdir.Path)));
                fields.Add(new KeyField("user", Plain(workdir.User)));
                break;
            default:
                throw new ArgumentException($"a {step.GetType().Name} makes no layer and has no key", nameof(input));
        }
        AddFiles(fields, input.Files);
        return fields;
    }

    private static void AddRun(List<KeyField> fields, RunStep run)
    {
        fields.Add(new KeyField("command", Joined(run.Argv)));
        fields.Add(new KeyField("user", Plain(run.User)));
        fields.Add(new KeyField("working directory", Plain(run.WorkingDirectory)));
        foreach (var entry in run.Environment)
        {
            var equals = entry.IndexOf('=');
            var name = equals < 0 ? entry : entry[..equals];
            var isArg = run.Scope.DeclaredValue(name) is not null && run.Before.Variable(name) is null;
            fields.Add(new KeyField((isArg ? "ARG " : "ENV ") + name, Hidden(equals < 0 ? "" : entry[(equals + 1)..])));
        }
        foreach (var mount in run.Mounts)
            fields.Add(new KeyField("mount " + mount.Target, Mount(mount)));
        fields.Add(new KeyField("network", run.Network.ToString()));
        if (run.Script is { } script)
            fields.Add(new KeyField("script " + script.Name, Hidden(script.Content)));
    }

    // What a cache or a secret holds is no input: that is what makes them caches and secrets.
    private static string Mount(RunMount mount) => Joined([
        mount.Kind.ToString(), mount.Target, mount.Source, mount.Id, mount.ReadOnly.ToString(), mount.Sharing.ToString(), Number(mount.SizeBytes),
        mount.Required.ToString(), mount.Variable ?? "", mount.Variable is null ? "0" : "1", Number(mount.Mode), Number(mount.UserId), Number(mount.GroupId)]);

    private static void AddCopy(List<KeyField> fields, CopyStep copy, IReadOnlyList<FetchedUrl> fetched)
    {
        fields.Add(new KeyField("destination", Joined([copy.Destination, copy.DestinationIsDirectory.ToString()])));
        fields.Add(new KeyField("options", Joined([
            copy.Chown ?? "", copy.Chown is null ? "0" : "1", copy.Chmod?.Text ?? "", copy.Link.ToString(), copy.Parents.ToString(), copy.IsAdd.ToString(),
            copy.Unpack.ToString(), copy.UnpackUrls.ToString(), .. copy.Exclude])));
        foreach (var url in copy.Urls)
        {
            var digest = copy.Checksum ?? fetched.FirstOrDefault(item => item.Url == url)?.Digest
                ?? throw new ArgumentException($"the content of {url} decides the result of ADD on line {copy.Source.Line}: fetch it first", nameof(fetched));
            fields.Add(new KeyField("URL " + url, digest.ToString()));
        }
        foreach (var file in copy.InlineFiles)
            fields.Add(new KeyField("here-document " + file.Name, Hidden(file.Content)));
    }

    private static void AddFiles(List<KeyField> fields, IReadOnlyList<CopiedFile> files)
    {
        if (files.Count <= MaxFileFields)
        {
            foreach (var file in files)
                fields.Add(new KeyField("file " + (file.Source.Length == 0 ? "." : file.Source), File(file)));
            return;
        }
        var all = StepKey.HashOf(files.SelectMany(file => new[] { file.Source, File(file) }));
        fields.Add(new KeyField("files", Joined([Number(files.Count), all.ToString()])));
    }

    private static string File(CopiedFile file) => Joined([
        file.Destination, file.Name, file.MayGoInto.ToString(), file.IsRoot.ToString(), file.Entry.Type.ToString(), Number(file.Entry.Mode), Number(file.Entry.Size),
        file.Entry.Digest.ToString(), file.Entry.LinkTarget ?? ""]);

    private static string Joined(IEnumerable<string> parts) => StepKey.HashOf(parts).ToString();

    private static string Hidden(string value) => StepKey.HashOf([value]).ToString();

    // A value that looks like a digest is hashed as well: plain values and digests never meet.
    private static string Plain(string value) => value.Length <= MaxPlainValue && !value.StartsWith("sha256:", StringComparison.Ordinal) ? value : Hidden(value);

    private static string Number(long? value) => value?.ToString(CultureInfo.InvariantCulture) ?? "";
}
