using System.Text;
using Grid.Contracts.Retention;
using Grid.Contracts.Steps;
using Grid.Contracts.Work;
using Grid.Dockerfiles;
using Grid.Dockerfiles.Keys;
using Grid.Grains.Retention;
using Grid.Grains.Tests;
using Grid.Grains.Tests.Cluster;
using Grid.Hosting.Cache;
using Grid.Hosting.Retention;
using Grid.Hosting.Tests.Servers;
using Grid.Oci;
using Grid.Oci.Content;
using Grid.Oci.Images;

namespace Grid.Hosting.Tests.Retention;

/// <summary>The collector of the shared tier against builds, cache hits and dying silos.</summary>
public sealed class TierSweepTests(TestServers servers)
{
    private const string Extension = "ARG base_image\nFROM ${base_image}\nRUN tools\n";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private Task<RetentionBench> StartAsync(string tier, short silos = 1) => RetentionBench.StartAsync(tier, servers, RetentionBench.Short, silos);

    [Theory]
    [InlineData("directory")]
    [InlineData("azure")]
    public async Task What_running_builds_and_cached_steps_need_stays_however_long_nobody_used_it(string tier)
    {
        await using var bench = await StartAsync(tier);
        var grid = bench.Grid;
        grid.Node.Detect = _ => Samples.Detection(Samples.Dockerfile(ImageKind.Run, Extension));
        await grid.EndAsync(await grid.SubmitAsync());
        var step = grid.Node.Started.OfType<StepWork>().Single();
        var layer = await bench.PutAsync("blob of " + step.Handle);
        var (source, cache, garbage) = (await bench.PutAsync("blob of source"), await bench.PutAsync("blob of cached"), await bench.PutAsync("garbage"));
        await bench.AgeAsync();
        grid.Node.Holds = i => i is BuildWork;
        // Its app is the one of the build before, whose cache it restores.
        var key = await grid.SubmitAsync();
        var work = await grid.Node.StartedAsync<BuildWork>(w => w.BuildKey == key);

        var first = await bench.CollectAsync();

        (await bench.HoldsAsync(garbage)).ShouldBeFalse();
        foreach (var needed in new[] { layer, source, cache })
            (await bench.HoldsAsync(needed)).ShouldBeTrue();
        (first.Tally.Blobs, first.Tally.BlobBytes, first.Tally.BlobsLeft).ShouldBe((1, 7, 3));

        // The build has ended: its source is nobody's any more. The step is still cached.
        grid.Node.Finish(work);
        await grid.EndAsync(key);
        await bench.AgeAsync();
        await bench.CollectAsync();
        (await bench.HoldsAsync(source)).ShouldBeFalse();
        (await bench.HoldsAsync(layer)).ShouldBeTrue();

        var cached = (await new CacheInventory(grid.Grains).ReadAsync(Token)).ShouldHaveSingleItem();
        (await new CacheInventory(grid.Grains).ForgetAsync(cached, DateTimeOffset.MaxValue)).ShouldBeTrue();
        await bench.AgeAsync();
        await bench.CollectAsync();
        (await bench.HoldsAsync(layer)).ShouldBeFalse();
    }

    [Theory]
    [InlineData("directory")]
    [InlineData("azure")]
    public async Task What_begins_to_be_needed_between_mark_and_sweep_stays(string tier)
    {
        await using var bench = await StartAsync(tier);
        using var stores = new Stores();
        var (published, fetched, uploaded, garbage) = (await bench.PutAsync("published"), await bench.PutAsync("fetched"), await bench.PutAsync("uploaded"), await bench.PutAsync("garbage"));
        await bench.AgeAsync();
        var sweep = new TierSweep(bench.Tier, new CacheInventory(bench.Grid.Grains), bench.Grid.Grains, RetentionBench.Short, TimeProvider.System);
        var marks = await sweep.MarkAsync(new RetentionRun(1, new RetentionRequest(), ["default"]), Token);

        // A step that was forgotten long ago runs again and makes the same layer; a node gets a blob; a build of an old upload is submitted.
        var one = stores.New();
        one.Put("published"u8, "x/y");
        await new TieredContent(one, bench.Tier).PublishAsync([published], Token);
        var two = stores.New();
        await new TieredContent(two, bench.Tier).FetchAsync([fetched], Token);
        (await new TieredContent(stores.New(), bench.Tier).HasAsync(uploaded, Token)).ShouldBeTrue();
        for (var first = 0; first <= byte.MaxValue; first++)
            await sweep.SweepAsync(marks, (byte)first, Token);

        foreach (var needed in new[] { published, fetched, uploaded })
            (await bench.HoldsAsync(needed)).ShouldBeTrue();
        (await bench.HoldsAsync(garbage)).ShouldBeFalse();
    }

    [Theory]
    [InlineData("directory")]
    [InlineData("azure")]
    public async Task Collections_that_never_stop_take_nothing_from_steps_that_are_made_hit_and_forgotten(string tier)
    {
        await using var bench = await StartAsync(tier);
        using var stores = new Stores();
        var maker = stores.New();
        var catalog = bench.Grid.Grains.GetGrain<IStepCatalogGrain>(new StepCatalogName("tenant", ImageKind.Run, "samples/tools").ToString());
        var old = new List<Digest>();
        for (var n = 0; n < 12; n++)
            old.Add(await bench.PutAsync($"layer {n}"));
        await bench.AgeAsync();
        var sweep = new TierSweep(bench.Tier, new CacheInventory(bench.Grid.Grains), bench.Grid.Grains, RetentionBench.Short, TimeProvider.System);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var collecting = Task.Run(async () =>
        {
            for (var run = 1; !stop.IsCancellationRequested; run++)
            {
                var marks = await sweep.MarkAsync(new RetentionRun(run, new RetentionRequest(), ["default"]), Token);
                foreach (var first in old.Select(d => Convert.FromHexString(d.Hex)[0]).Distinct())
                    await sweep.SweepAsync(marks, first, Token);
            }
        }, Token);
        for (var round = 0; round < 3; round++)
        {
            foreach (var n in Enumerable.Range(0, old.Count))
            {
                // A node makes the layer, which may just have been collected, and the step is cached; another node hits it.
                var layer = new Layer(maker.Put(Encoding.UTF8.GetBytes($"layer {n}"), MediaTypes.OciLayerGzip), Digest.Compute("tar"u8));
                var published = TimeProvider.System.GetTimestamp();
                await new TieredContent(maker, bench.Tier).PublishAsync([layer.Blob.Digest], Token);
                var key = new StepKey(Digest.Compute(Encoding.UTF8.GetBytes($"key {n}")), []);
                var step = bench.Grid.Grains.GetGrain<IStepGrain>($"tenant/{key.Digest.Hex}");
                await catalog.RecordAsync(new StepCatalogEntry { Key = key.Digest, File = "run.Dockerfile", Line = 3, Text = $"RUN {n}", BuildKey = "tenant/b", CreatedAt = TimeProvider.System.GetUtcNow() });
                await step.ClaimAsync(new StepClaimRequest("h", "c"));
                await step.CompleteAsync("h", new CachedStep { Key = key, BuildKey = "tenant/b", CreatedAt = TimeProvider.System.GetUtcNow(), Layer = layer });
                // The grace period is hours where it is not a test's. Where this machine has stood still for longer than the test's, there is no promise, and the node starts over.
                if (TimeProvider.System.GetElapsedTime(published) > RetentionBench.Short.Grace / 2)
                    await new TieredContent(maker, bench.Tier).PublishAsync([layer.Blob.Digest], Token);
                var hit = await step.ClaimAsync(new StepClaimRequest("x", "y"));
                hit.Kind.ShouldBe(StepClaimKind.Hit);
                var other = stores.New();
                await new TieredContent(other, bench.Tier).FetchAsync([hit.Step!.Layer!.Blob.Digest], Token);
                other.Contains(layer.Blob.Digest).ShouldBeTrue($"layer {n} in round {round}");
                await step.ForgetAsync(DateTimeOffset.MaxValue);
            }
        }
        await stop.CancelAsync();
        await collecting;
    }

    [Fact]
    public async Task A_run_whose_silo_dies_goes_on_where_it_was()
    {
        await using var bench = await StartAsync("directory", silos: 3);
        var garbage = new List<Digest>();
        for (var n = 0; n < 30; n++)
            garbage.Add(await bench.PutAsync($"garbage {n}"));
        await bench.AgeAsync();
        var listed = new System.Collections.Concurrent.ConcurrentQueue<byte>();
        var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var dead = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        bench.Tier.BeforeList = async first =>
        {
            listed.Enqueue(first);
            if (first != 100 || reached.Task.IsCompleted)
                return;
            reached.SetResult();
            await dead.Task;
            throw new IOException("this silo is dead");
        };
        var run = await bench.Retention.CollectAsync(new RetentionRequest());
        await reached.Task.WaitAsync(TestGrid.Patience, Token);
        await bench.Grid.KillSiloOfAsync(bench.Retention);
        dead.SetResult();

        // What the reminder does when nobody asks. Asked once more, it might have ended and begin anew.
        var status = await bench.EndOfAsync(await TestGrid.AskAsync(() => bench.Retention.CollectAsync(new RetentionRequest())));
        status.Run.ShouldBe(run.Run);
        (status.Done, status.Parts).ShouldBe((257, 257));
        listed.Count(b => b == 0).ShouldBe(1);
        listed.Count(b => b == 255).ShouldBe(1);
        foreach (var digest in garbage)
            (await bench.HoldsAsync(digest)).ShouldBeFalse();
    }

    [Fact]
    public async Task Over_the_bound_the_least_recently_used_go_first()
    {
        await using var bench = await RetentionBench.StartAsync("directory", servers, new RetentionOptions { Grace = TimeSpan.FromSeconds(5), MaxContentBytes = 25 });
        var (old, fresh) = (await bench.PutAsync("0123456789"), await bench.PutAsync("abcdefghij"));
        await bench.AgeAsync();
        await bench.Tier.FindAsync(fresh, Token);
        var newest = await bench.PutAsync("ABCDEFGHIJ");

        // Too old is none of them before the bound is.
        (await bench.CollectAsync(new RetentionRequest { OlderThan = TimeSpan.FromDays(100), MaxBytes = 1000 })).Tally.Blobs.ShouldBe(0);
        var status = await bench.CollectAsync(new RetentionRequest { OlderThan = TimeSpan.FromDays(100) });

        (status.Tally.Blobs, status.Tally.BytesLeft).ShouldBe((1, 20));
        (await bench.HoldsAsync(old)).ShouldBeFalse();
        (await bench.HoldsAsync(fresh)).ShouldBeTrue();
        (await bench.HoldsAsync(newest)).ShouldBeTrue();
    }

    private sealed class Stores : IDisposable
    {
        private readonly string _directory = Directory.CreateTempSubdirectory("grid-stores-").FullName;
        private int _count;

        public ContentStore New() => new(Path.Combine(_directory, $"{++_count}"));

        public void Dispose() => Directory.Delete(_directory, recursive: true);
    }
}
