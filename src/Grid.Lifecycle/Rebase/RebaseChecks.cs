using System.Text.Json;
using Grid.Buildpacks;
using Grid.Buildpacks.Metadata;
using Grid.Oci.Images;

namespace Grid.Lifecycle.Rebase;

/// <summary>Whether an app may stand on another base (platform.md §rebaser; for apps of before Platform API 0.12 the rules of stacks).</summary>
internal sealed class RebaseChecks(Image app, Image newBase, bool force, IPhaseLog log)
{
    private const string StackId = "io.buildpacks.stack.id";
    private const string Mixins = "io.buildpacks.stack.mixins";
    private const string Rebasable = "io.buildpacks.rebasable";
    private const string DistroName = "io.buildpacks.base.distro.name";
    private const string DistroVersion = "io.buildpacks.base.distro.version";

    /// <exception cref="LifecycleException">Exit code 72: it may not.</exception>
    public void Run()
    {
        if (HasTargets())
        {
            CheckRebasable();
            CheckTarget();
        }
        else
        {
            CheckStack();
            CheckMixins();
        }
    }

    /// <summary>Refuses a base that is not the app's run image under any of its names; forced, that is a warning.</summary>
    /// <returns>Whether the app's label knows the base.</returns>
    public bool CheckName(string name, RunImageMetadata runImage, StackMetadata? stack)
    {
        var names = new RunImageNames { Image = runImage.Image ?? "", Mirrors = runImage.Mirrors };
        if (names.Has(name) || stack?.RunImage?.Has(name) == true)
            return true;
        var known = names.Image.Length > 0 ? LabelJson.Write(runImage) : stack?.RunImage is { } old ? LabelJson.Write(old) : "not found";
        RefuseUnlessForced($"rebase app image: new base image '{name}' not found in existing run image metadata: {known}");
        return false;
    }

    private bool HasTargets()
    {
        var api = Env(app, "CNB_PLATFORM_API");
        try
        {
            return !string.IsNullOrEmpty(api) && !api.IsBelow("0.12");
        }
        catch (FormatException e)
        {
            throw Refused($"the app image's CNB_PLATFORM_API '{api}' is no version: {e.Message}");
        }
    }

    private void CheckRebasable()
    {
        var label = Label(app, Rebasable);
        if (label == "false")
            RefuseUnlessForced("app image is not marked as rebasable");
        else if (label is not ("" or "true"))
            log.Warn($"label {Rebasable} of the app image is '{label}', neither true nor false; it is taken for true");
    }

    private void CheckTarget()
    {
        var (old, now) = (app.Config, newBase.Config);
        var satisfied = old.Os == now.Os && old.Architecture == now.Architecture
            && (string.IsNullOrEmpty(old.Variant) || string.IsNullOrEmpty(now.Variant) || old.Variant == now.Variant)
            && DistroMatches();
        if (!satisfied)
            RefuseUnlessForced($"unable to satisfy target os/arch constraints; new run image: {Describe(newBase)}, old run image: {Describe(app)}");
    }

    // As the reference: what the new base says of its distribution has to be what the app says; a base that says nothing fits.
    private bool DistroMatches() =>
        new[] { DistroName, DistroVersion }.All(label => Label(newBase, label) is not { Length: > 0 } wanted || wanted == Label(app, label));

    private void CheckStack()
    {
        var old = Label(app, StackId);
        var now = Label(newBase, StackId);
        if (old.Length == 0)
            throw Refused($"stack not defined on app image: it has no label {StackId}");
        if (now.Length == 0)
            throw Refused($"stack not defined on new base image: it has no label {StackId}");
        if (old != now)
            throw Refused($"incompatible stack: '{now}' is not compatible with '{old}'");
    }

    private void CheckMixins()
    {
        var missing = ReadMixins(app, "app image").Except(ReadMixins(newBase, "run image")).Order(StringComparer.Ordinal).ToList();
        if (missing.Count > 0)
            throw Refused($"missing required mixin(s): {string.Join(", ", missing)}");
    }

    private static HashSet<string> ReadMixins(Image image, string what)
    {
        var label = Label(image, Mixins);
        if (label.Length == 0)
            return [];
        try
        {
            return [.. (JsonSerializer.Deserialize<List<string>>(label) ?? []).Select(WithoutStage)];
        }
        catch (JsonException e)
        {
            throw Refused($"get {what} mixins: label {Mixins} is not a JSON array of strings: {e.Message}");
        }
    }

    private static string WithoutStage(string mixin) =>
        mixin.StartsWith("build:", StringComparison.Ordinal) ? mixin[6..] : mixin.StartsWith("run:", StringComparison.Ordinal) ? mixin[4..] : mixin;

    private void RefuseUnlessForced(string reason)
    {
        if (!force)
            throw Refused(reason + "; please provide -force to override");
        log.Warn(reason);
    }

    private static LifecycleException Refused(string reason) => new(ExitCode.RebaseError, reason);

    private static string Describe(Image image) => string.Join(
        '/',
        new[] { image.Config.Os, image.Config.Architecture, image.Config.Variant, Label(image, DistroName), Label(image, DistroVersion) }.Where(part => !string.IsNullOrEmpty(part)));

    private static string Label(Image image, string name) => image.Config.Config.Labels?.GetValueOrDefault(name) ?? "";

    private static string? Env(Image image, string name) =>
        image.Config.Config.Env?.LastOrDefault(line => line.StartsWith(name + "=", StringComparison.Ordinal))?[(name.Length + 1)..];
}
