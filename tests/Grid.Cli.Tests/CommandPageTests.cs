using Grid.Cli.Commands;

namespace Grid.Cli.Tests;

/// <summary>What is written about the commands is what they are.</summary>
public sealed class CommandPageTests
{
    [Fact]
    public void The_committed_page_is_the_one_the_commands_make()
    {
        var file = Path.Combine(Root(), "docs", "cli.md");
        var page = CommandPage.Write(GridCommand.Create());
        if (Environment.GetEnvironmentVariable("GRID_UPDATE_DOCS") == "1")
            File.WriteAllText(file, page);

        File.ReadAllText(file).ShouldBe(page, "run this test with GRID_UPDATE_DOCS=1");
    }

    [Fact]
    public void Every_command_and_option_says_what_it_is_for() => CommandPage.Write(GridCommand.Create()).Split('\n').ShouldNotContain(line => line.EndsWith("|  |", StringComparison.Ordinal));

    private static string Root()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (directory is not null && !File.Exists(Path.Combine(directory.FullName, "Grid.sln")))
            directory = directory.Parent;
        return directory?.FullName ?? throw new InvalidOperationException("Grid.sln is in no directory above the tests");
    }
}
