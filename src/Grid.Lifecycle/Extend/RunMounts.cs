using System.Text;
using System.Text.Unicode;
using Grid.Dockerfiles.Context;
using Grid.Dockerfiles.Planning;
using Grid.Oci.FileSystem;
using Grid.Sandbox;

namespace Grid.Lifecycle.Extend;

/// <summary>
/// What RUN --mount mounts, on the host while the command runs. Bind sources are found in the context's index, whose links lead nowhere else; cache
/// volumes and secrets have names of ours. The script of a here-document that begins with <c>#!</c> is one of them. Nothing of it is part of the layer.
/// </summary>
internal sealed class RunMounts : IDisposable
{
    private const int SecretMode = 0b100_000_000;
    private readonly List<IDisposable> _held = [];
    private readonly List<Volume> _volumes = [];
    private readonly List<TemporaryFileSystem> _temporary = [];
    private readonly List<string> _variables = [];
    private readonly List<byte[]> _secrets = [];
    private readonly List<string> _unmasked = [];
    private readonly StepScratch _place;
    private string? _scratch, _script;

    private RunMounts(StepScratch place) => _place = place;

    public IReadOnlyList<Volume> Volumes => _volumes;

    public IReadOnlyList<TemporaryFileSystem> TemporaryFileSystems => _temporary;

    /// <summary><c>NAME=value</c> of secrets that are wanted as variables.</summary>
    public IReadOnlyList<string> Variables => _variables;

    /// <summary>Values of the secrets the command can see.</summary>
    public IReadOnlyList<byte[]> Secrets => _secrets;

    /// <summary>Ids of those that are too short to be masked in its output.</summary>
    public IReadOnlyList<string> Unmasked => _unmasked;

    /// <summary>Makes everything the command needs; waits for locked cache volumes.</summary>
    /// <exception cref="FormatException">A source is missing, or a required secret was not given.</exception>
    public static async Task<RunMounts> PrepareAsync(RunStep run, StepInput input, StepResources resources, CancellationToken cancellationToken)
    {
        var mounts = new RunMounts(resources.Scratch);
        try
        {
            // Locks are taken in one order, so that two steps cannot wait for each other.
            foreach (var cache in run.Mounts.Where(mount => mount.Kind == RunMountKind.Cache).OrderBy(mount => mount.StoreName(), StringComparer.Ordinal).DistinctBy(mount => mount.Target))
                await mounts.AddCacheAsync(cache, input, resources, cancellationToken);
            foreach (var mount in run.Mounts)
            {
                if (mount.Kind == RunMountKind.Bind)
                    await mounts.AddBindAsync(mount, input, resources, cancellationToken);
                else if (mount.Kind == RunMountKind.Secret)
                    mounts.AddSecret(mount, resources);
                else if (mount.Kind == RunMountKind.Tmpfs)
                    mounts._temporary.Add(new TemporaryFileSystem(mount.Target, mount.SizeBytes));
            }
            if (run.Script is { } script)
                mounts._volumes.Add(new Volume(mounts._script = resources.Scratch.MakeScript(Encoding.UTF8.GetBytes(script.Content)), script.Name, ReadOnly: true));
            return mounts;
        }
        catch
        {
            mounts.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        foreach (var held in _held)
            held.Dispose();
        if (_script is not null)
            File.Delete(_script);
        if (_scratch is null)
            return;
        // What a command left in its copy of a directory may be hostile: names of any bytes, links to anywhere.
        var files = new RootedDirectory(_scratch);
        foreach (var entry in files.List("/"))
            files.Delete("/" + entry.Name);
        Directory.Delete(_scratch);
        _scratch = null;
    }

    private async Task AddCacheAsync(RunMount mount, StepInput input, StepResources resources, CancellationToken cancellationToken)
    {
        var volume = await resources.Caches.OpenAsync(input.Scope, mount, cancellationToken);
        _held.Add(volume);
        _volumes.Add(new Volume(volume.Path, mount.Target, mount.ReadOnly));
    }

    private async Task AddBindAsync(RunMount mount, StepInput input, StepResources resources, CancellationToken cancellationToken)
    {
        var context = await resources.Contexts.OpenAsync(input.Context, cancellationToken);
        var source = ContextMatcher.Resolve(context.Index, mount.Source)
            ?? throw new FormatException($"--mount source {mount.Source} is not in the build context");
        if (mount.ReadOnly)
        {
            _volumes.Add(new Volume(context.HostPath(source.Path), mount.Target, ReadOnly: true));
            return;
        }
        // What the command writes there is its own and goes with it.
        var copy = $"/bind-{_volumes.Count}";
        var files = new RootedDirectory(Scratch());
        TreeCopy.Copy(context.Files, "/" + source.Path, files, copy, cancellationToken);
        _volumes.Add(new Volume(Scratch() + copy, mount.Target));
    }

    private void AddSecret(RunMount mount, StepResources resources)
    {
        if (resources.Secret(mount.Id) is not { } value)
        {
            if (mount.Required)
                throw new FormatException($"the secret '{mount.Id}' was not given; pass it with --secret id={mount.Id},src=FILE, or keep it in the tenant with 'grid secret set {mount.Id}'");
            return;
        }
        _secrets.Add(value);
        if (SecretMask.IsTooShort(value))
            _unmasked.Add(mount.Id);
        if (mount.Variable is not null)
            _variables.Add($"{mount.Variable}={Text(mount.Id, value)}");
        if (mount.Target.Length == 0)
            return;
        var name = $"/secret-{_volumes.Count}";
        new RootedDirectory(Scratch()).WriteFile(name, value, mount.Mode ?? SecretMode, new Owner(mount.UserId ?? 0, mount.GroupId ?? 0));
        _volumes.Add(new Volume(Scratch() + name, mount.Target, ReadOnly: true));
    }

    private static string Text(string id, byte[] value)
    {
        if (value.Contains((byte)0) || !Utf8.IsValid(value))
            throw new FormatException($"the secret '{id}' cannot be a variable: it is not text; mount it as a file");
        return Encoding.UTF8.GetString(value);
    }

    private string Scratch() => _scratch ??= _place.MakeDirectory();
}
