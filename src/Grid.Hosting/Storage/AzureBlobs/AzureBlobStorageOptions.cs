using Azure;
using Azure.Core;
using Azure.Storage;
using Azure.Storage.Blobs;
using Orleans.Storage;

namespace Grid.Hosting.Storage.AzureBlobs;

/// <summary>Settings of <see cref="AzureBlobGrainStorage"/>, named as those of Microsoft.Orleans.Persistence.AzureStorage.</summary>
public sealed class AzureBlobStorageOptions : IStorageProviderSerializerOptions
{
    /// <summary>The container for grain state; made at start when it is missing.</summary>
    public string ContainerName { get; set; } = "grainstate";

    /// <summary>Options for a client that is made from an address or a connection string; the library's own when null.</summary>
    public BlobClientOptions? ClientOptions { get; set; }

    /// <summary>The client to use. Setting it replaces what <see cref="ConfigureBlobServiceClient(string)"/> configured.</summary>
    public BlobServiceClient? BlobServiceClient
    {
        get;
        set
        {
            field = value;
            CreateClient = value is null ? null : () => Task.FromResult(value);
        }
    }

    /// <summary>Stage of the silo's lifecycle in which the container is made ready.</summary>
    public int InitStage { get; set; } = ServiceLifecycleStage.ApplicationServices;

    /// <summary>Whether clearing removes the blob. Otherwise an empty one stays, and the record keeps having an ETag.</summary>
    public bool DeleteStateOnClear { get; set; } = true;

    /// <inheritdoc/>
    public IGrainStorageSerializer GrainStorageSerializer { get; set; } = null!;

    /// <summary>How the client is made; null when nothing was configured.</summary>
    internal Func<Task<BlobServiceClient>>? CreateClient { get; private set; }

    /// <summary>Uses the account of a connection string.</summary>
    public void ConfigureBlobServiceClient(string connectionString) => BlobServiceClient = new BlobServiceClient(connectionString, ClientOptions);

    /// <summary>Uses an address that carries its authorization (SAS).</summary>
    public void ConfigureBlobServiceClient(Uri serviceUri) => BlobServiceClient = new BlobServiceClient(serviceUri, ClientOptions);

    /// <summary>Uses an address with a token credential, such as a managed identity.</summary>
    public void ConfigureBlobServiceClient(Uri serviceUri, TokenCredential tokenCredential) => BlobServiceClient = new BlobServiceClient(serviceUri, tokenCredential, ClientOptions);

    /// <summary>Uses an address with a shared access signature.</summary>
    public void ConfigureBlobServiceClient(Uri serviceUri, AzureSasCredential azureSasCredential) => BlobServiceClient = new BlobServiceClient(serviceUri, azureSasCredential, ClientOptions);

    /// <summary>Uses an address with an account's key.</summary>
    public void ConfigureBlobServiceClient(Uri serviceUri, StorageSharedKeyCredential sharedKeyCredential) => BlobServiceClient = new BlobServiceClient(serviceUri, sharedKeyCredential, ClientOptions);

    /// <summary>Makes the client when the silo starts.</summary>
    public void ConfigureBlobServiceClient(Func<Task<BlobServiceClient>> createClientCallback)
    {
        BlobServiceClient = null;
        CreateClient = createClientCallback ?? throw new ArgumentNullException(nameof(createClientCallback));
    }
}

/// <summary>Refuses settings that cannot work before the silo joins a cluster.</summary>
internal sealed class AzureBlobStorageOptionsValidator(AzureBlobStorageOptions options, string name) : IConfigurationValidator
{
    public void ValidateConfiguration()
    {
        if (options.CreateClient is null)
            throw new OrleansConfigurationException($"grain storage '{name}': no account; set {nameof(AzureBlobStorageOptions)}.{nameof(AzureBlobStorageOptions.BlobServiceClient)} or call {nameof(AzureBlobStorageOptions.ConfigureBlobServiceClient)}");
        if (BlobNames.WhyNotContainer(options.ContainerName) is { } reason)
            throw new OrleansConfigurationException($"grain storage '{name}': {nameof(AzureBlobStorageOptions.ContainerName)} '{options.ContainerName}': {reason}");
        if (options.GrainStorageSerializer is null)
            throw new OrleansConfigurationException($"grain storage '{name}': no {nameof(AzureBlobStorageOptions.GrainStorageSerializer)}");
    }
}
