using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Orleans.Configuration;
using Orleans.Providers;
using Orleans.Runtime.Hosting;
using Orleans.Storage;

namespace Grid.Hosting.Storage.AzureBlobs;

/// <summary>Adds <see cref="AzureBlobGrainStorage"/> to a silo, as Microsoft's provider is added.</summary>
public static class AzureBlobGrainStorageHosting
{
    /// <summary>Azure Blob Storage as the default grain storage.</summary>
    public static ISiloBuilder AddAzureBlobGrainStorageAsDefault(this ISiloBuilder builder, Action<AzureBlobStorageOptions> configureOptions) =>
        builder.AddAzureBlobGrainStorage(ProviderConstants.DEFAULT_STORAGE_PROVIDER_NAME, configureOptions);

    /// <summary>Azure Blob Storage as the grain storage called <paramref name="name"/>.</summary>
    public static ISiloBuilder AddAzureBlobGrainStorage(this ISiloBuilder builder, string name, Action<AzureBlobStorageOptions> configureOptions) =>
        builder.AddAzureBlobGrainStorage(name, options => options.Configure(configureOptions));

    /// <summary>As above, with everything an <see cref="OptionsBuilder{TOptions}"/> can do.</summary>
    public static ISiloBuilder AddAzureBlobGrainStorage(this ISiloBuilder builder, string name, Action<OptionsBuilder<AzureBlobStorageOptions>>? configureOptions = null) =>
        builder.ConfigureServices(services => services.AddAzureBlobGrainStorage(name, configureOptions));

    /// <summary>Registers the storage, its options and their check.</summary>
    public static IServiceCollection AddAzureBlobGrainStorage(this IServiceCollection services, string name, Action<OptionsBuilder<AzureBlobStorageOptions>>? configureOptions = null)
    {
        configureOptions?.Invoke(services.AddOptions<AzureBlobStorageOptions>(name));
        services.AddTransient<IConfigurationValidator>(p => new AzureBlobStorageOptionsValidator(OptionsOf(p, name), name));
        services.AddTransient<IPostConfigureOptions<AzureBlobStorageOptions>, DefaultStorageProviderSerializerOptionsConfigurator<AzureBlobStorageOptions>>();
        services.ConfigureNamedOptionForLogging<AzureBlobStorageOptions>(name);
        return services.AddGrainStorage(name, (p, key) => ActivatorUtilities.CreateInstance<AzureBlobGrainStorage>(p, key, OptionsOf(p, key)));
    }

    private static AzureBlobStorageOptions OptionsOf(IServiceProvider services, string name) => services.GetRequiredService<IOptionsMonitor<AzureBlobStorageOptions>>().Get(name);
}
