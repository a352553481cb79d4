using System.CommandLine;
using Grid.Benchmarks;

var root = new RootCommand("Measures Grid beside its peers, in one run.") { ExtendCommand.Create(), LifecycleCommand.Create(), OrchestrateCommand.Create(), LoadCommand.Create() };
// Ctrl-C ends the engine and unmounts the store before it ends this.
return await root.Parse(args).InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = TimeSpan.FromMinutes(1) });
