using Grid.Contracts.Events;
using Grid.Hosting.Events;

namespace Grid.Hosting.Tests.Events;

/// <summary>Files: the suite, and what concerns files alone.</summary>
public sealed class FileBuildEventsTests : BuildEventsConformance
{
    private readonly string _directory = Directory.CreateTempSubdirectory("grid-events-").FullName;

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }

    protected override Task<IBuildEvents> OpenAsync() => Task.FromResult<IBuildEvents>(new FileBuildEvents(_directory));

    protected override Task<string> TextAsync(string key) => File.ReadAllTextAsync(Path.Combine(_directory, Uri.EscapeDataString(key) + ".jsonl"), Token);

    [Fact]
    public async Task No_file_stays_open_after_the_end_of_its_build()
    {
        var events = await NewAsync();
        for (var n = 0; n < 20; n++)
        {
            events.Append($"t/{n}", Output("x"));
            events.Append($"t/{n}", End);
        }

        Directory.GetFiles("/proc/self/fd").Count(f => new FileInfo(f).LinkTarget?.StartsWith(_directory, StringComparison.Ordinal) == true).ShouldBe(0);
    }

    [Theory]
    [InlineData("{\"event\":\"output\",\"pha")]
    [InlineData("{")]
    public async Task A_piece_of_a_line_left_by_a_killed_process_is_cut_off(string piece)
    {
        using (var before = new FileBuildEvents(_directory))
            before.Append("tenant/build", Output(new string('x', 10_000)));
        var file = Directory.GetFiles(_directory).Single();
        await File.AppendAllTextAsync(file, piece);
        using var after = new FileBuildEvents(_directory);
        after.Append("tenant/build", End);

        (await AllAsync(after)).Count.ShouldBe(2);
    }

    [Fact]
    public async Task A_journal_that_is_one_long_piece_begins_anew()
    {
        await File.WriteAllTextAsync(Path.Combine(_directory, "tenant%2Fbuild.jsonl"), new string('x', 9000));
        using var events = new FileBuildEvents(_directory);
        events.Append("tenant/build", End);

        (await AllAsync(events)).ShouldBe([End]);
    }

    [Fact]
    public async Task Reading_goes_on_far_in_a_journal_without_what_is_before()
    {
        using var events = new FileBuildEvents(_directory);
        for (var n = 0; n < 100; n++)
            events.Append("tenant/build", Output(new string('x', 10_000)));
        var all = await events.ReadAsync("tenant/build", 0, Token).Take(90).ToListAsync(Token);
        events.Append("tenant/build", End);
        // Whoever read it now would meet no events.
        using (var file = new FileStream(Directory.GetFiles(_directory).Single(), FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
            file.Write(new byte[(int)all[88].Next]);

        (await events.ReadAsync("tenant/build", all[89].Next, Token).CountAsync(Token)).ShouldBe(11);
        await Should.ThrowAsync<InvalidDataException>(AllAsync(events));
    }
}
