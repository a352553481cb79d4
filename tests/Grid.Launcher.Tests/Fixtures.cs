[assembly: AssemblyFixture(typeof(Grid.Launcher.Tests.PublishedLauncher))]
