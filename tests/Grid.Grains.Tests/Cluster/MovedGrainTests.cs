using System.Collections.Concurrent;
using Grid.Contracts.Builds;
using Grid.Contracts.Work;
using Grid.Dockerfiles;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Grid.Grains.Tests.Cluster;

/// <summary>Grains move to another silo, as they do when theirs is stopped.</summary>
public sealed class MovedGrainTests
{
    [Fact]
    public async Task A_grain_that_moves_reads_its_state_from_storage_and_no_silo_complains()
    {
        var errors = new Errors();
        await using var grid = await TestGrid.StartAsync(silos: 2, services: services => services.AddSingleton<ILoggerProvider>(errors));
        grid.Node.Detect = _ => Samples.Detection(Samples.Dockerfile(ImageKind.Run, "ARG base_image\nFROM ${base_image}\nRUN slow\n"));
        grid.Node.Holds = item => item is StepWork;
        var key = await grid.SubmitAsync();
        var step = await grid.Node.StartedAsync<StepWork>();
        var read = new ConcurrentBag<string>();
        grid.Storage.BeforeRead = (name, _) => read.Add(name);

        foreach (var grain in new IGrainWithStringKey[] { grid.Build(key), grid.Grains.GetGrain<IExtenderGrain>(step.Owner.Key.ToString()!), grid.Queue })
            await grid.MoveAsync(grain, grid.Nodes.First(node => node != grid.NodeOf(grain)));

        new[] { "build", "extender", "queue" }.ShouldBeSubsetOf(read);
        (await grid.StatusAsync(key)).Phases[(int)Phase.ExtendRun].ShouldBe(PhaseState.Running);
        grid.Node.Finish(step);
        (await grid.EndAsync(key)).State.ShouldBe(BuildState.Succeeded);
        errors.Lines.Where(line => line.Contains("hydrat", StringComparison.OrdinalIgnoreCase)).ShouldBeEmpty();
    }

    /// <summary>What silos log as errors.</summary>
    private sealed class Errors : ILoggerProvider, ILogger
    {
        public ConcurrentBag<string> Lines { get; } = [];

        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Warning;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel))
                Lines.Add($"{formatter(state, exception)} {exception}");
        }

        public void Dispose()
        {
        }
    }
}
