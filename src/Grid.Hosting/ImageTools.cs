using Grid.Oci.Images;
using Microsoft.Extensions.DependencyInjection;

namespace Grid.Hosting;

/// <summary>What works on images without a silo.</summary>
public sealed class ImageTools : IAsyncDisposable
{
    private readonly ServiceProvider _services;

    private ImageTools(ServiceProvider services) => _services = services;

    public ImageStores Images => _services.GetRequiredService<ImageStores>();

    public BuilderLocator Builders => _services.GetRequiredService<BuilderLocator>();

    public static ImageTools Create(GridOptions options)
    {
        var services = new ServiceCollection();
        services.AddSingleton(options);
        services.AddGridContent(options);
        services.AddGridImages(options);
        return new ImageTools(services.BuildServiceProvider());
    }

    public ValueTask DisposeAsync() => _services.DisposeAsync();
}
