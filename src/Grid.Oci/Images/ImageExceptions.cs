using System.Net;

namespace Grid.Oci.Images;

/// <summary>A place refused to give or take an image, or could not be reached. The message names image, place, status and what to do; never a secret.</summary>
public sealed class ImageAccessException : IOException
{
    /// <summary>Makes the exception; <paramref name="status"/> is null when no answer came.</summary>
    public ImageAccessException(string message, HttpStatusCode? status = null, Exception? innerException = null)
        : base(message, innerException) => Status = status;

    /// <summary>The HTTP status of the refusal; null when the place could not be reached or does not speak HTTP.</summary>
    public HttpStatusCode? Status { get; }

    /// <summary>Whether credentials are missing, wrong or not sufficient.</summary>
    public bool IsDenied => Status is HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden;
}

/// <summary>A manifest, index, configuration or layout is not what the OCI image specification allows. The message names the image and the fault.</summary>
public sealed class ImageFormatException(string message, Exception? innerException = null) : FormatException(message, innerException);

/// <summary>The bytes read are not those the descriptor promises: wrong digest or wrong size.</summary>
public sealed class BlobMismatchException(string message) : IOException(message);
