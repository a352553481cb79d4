using System.Buffers.Binary;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;

// Receives OpenTelemetry's protocol, by gRPC and by HTTP with protobuf, and stores each request it got as a file: NUMBER.SIGNAL.pb, complete when it has that
// name. Prints where it listens on two lines, and runs until it is ended.
//
//   OtlpReceiver DIRECTORY

const int GrpcHeader = 5;
var directory = args[0];
var number = 0;
var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
{
    kestrel.Limits.MaxRequestBodySize = 64 << 20;
    kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http1);
    kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2);
});
var app = builder.Build();
app.Run(async context =>
{
    var grpc = context.Request.ContentType?.StartsWith("application/grpc", StringComparison.Ordinal) == true;
    var signal = SignalOf(context.Request.Path);
    if (signal is null)
    {
        context.Response.StatusCode = StatusCodes.Status404NotFound;
        return;
    }
    using var memory = new MemoryStream();
    await context.Request.Body.CopyToAsync(memory, context.RequestAborted);
    var body = memory.ToArray();
    // A message of gRPC: whether it is compressed, its length, itself.
    if (grpc && (body[0] != 0 || BinaryPrimitives.ReadUInt32BigEndian(body.AsSpan(1)) != body.Length - GrpcHeader))
        throw new InvalidDataException("want one gRPC message without compression");
    await StoreAsync(signal, grpc ? body[GrpcHeader..] : body);
    if (grpc)
    {
        context.Response.ContentType = "application/grpc";
        await context.Response.Body.WriteAsync(new byte[GrpcHeader], context.RequestAborted);
        context.Response.AppendTrailer("grpc-status", "0");
    }
    else
    {
        context.Response.ContentType = "application/x-protobuf";
    }
});
await app.StartAsync();
var addresses = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.ToList();
Console.WriteLine($"http/protobuf {addresses[0]}");
Console.WriteLine($"grpc {addresses[1]}");
await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System);

async Task StoreAsync(string signal, byte[] request)
{
    var file = Path.Combine(directory, $"{Interlocked.Increment(ref number):d6}.{signal}.pb");
    await File.WriteAllBytesAsync(file + ".part", request);
    File.Move(file + ".part", file);
}

static string? SignalOf(string? path) => path switch
{
    "/v1/traces" or "/opentelemetry.proto.collector.trace.v1.TraceService/Export" => "traces",
    "/v1/metrics" or "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export" => "metrics",
    "/v1/logs" or "/opentelemetry.proto.collector.logs.v1.LogsService/Export" => "logs",
    _ => null,
};
