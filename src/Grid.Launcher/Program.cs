using Grid.Launcher;

try
{
    Posix.RestoreSignals();
    var container = ContainerStart.Read();
    var options = new LaunchOptions(
        ApiVersion.ForPlatform(container.Variable("CNB_PLATFORM_API")),
        container.VariableOr("CNB_LAYERS_DIR", "/layers"),
        container.VariableOr("CNB_APP_DIR", "/workspace"),
        container.VariableOr("CNB_EXEC_ENV", "production"));
    if (container.Variable("CNB_PROCESS_TYPE") is { Length: > 0 } type)
    {
        Posix.Write(2, $"Warning: CNB_PROCESS_TYPE is not supported in platform API {options.PlatformApi}: "
            + $"start the image with the entrypoint '{type}' to run process type '{type}'\n");
    }
    var metadata = LaunchMetadata.Read(options.LayersDirectory + "/config/metadata.toml");
    var command = new AppLauncher(options, metadata)
        .Prepare(container.Arguments[0], container.Arguments[1..], LaunchEnvironment.From(container.Environment));
    Posix.Execute(command.Program, command.Arguments, command.Environment);
    return 0;
}
catch (LaunchException e)
{
    Posix.Write(2, "ERROR: failed to launch: " + e.Message + "\n");
    return e.ExitCode;
}
