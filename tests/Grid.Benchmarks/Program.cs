using System.CommandLine;
using Grid.Benchmarks;

var root = new RootCommand("Measures Grid beside its peers, in one run.") { ExtendCommand.Create() };
return await root.Parse(args).InvokeAsync();
