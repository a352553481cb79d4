using System.IO.Compression;
using System.Net.Http.Headers;
using System.Text;
using Grid.Fuzzing;
using Grid.Oci.Content;
using Grid.Oci.Images;
using Grid.Oci.Layers;
using Grid.Oci.Registry;
using Grid.Oci.Tests.FileSystem;
using Grid.Oci.Tests.Images;
using Grid.Oci.Tests.Layers;

namespace Grid.Oci.Tests;

/// <summary>What registries, images and archives of others hold: whatever it is, only the documented exceptions come out.</summary>
public sealed class OciFuzzTests
{
    private static readonly LayerLimits Limits = new() { MaxEntries = 2_000, MaxBytes = 1 << 22 };

    private static readonly string[] Json = ["{", "}", "[", "]", "null", ",", ":", "\"", "1e999", "-1", "\\u0000", "\\uD800", "\xFF", "\"layers\":[]", "\"manifests\":[]", "\"mediaType\":", "\"digest\":", "\"size\":", "\"config\":", "\"schemaVersion\":2", "\"Layers\":"];

    [Fact]
    public void References_AnyText_ThrowOnlyFormatException() => Fuzz.Text(
        ["app", "registry.test:5000/a/b-c__d:1.0", "localhost/a@sha256:" + new string('0', 64), "[::1]:5000/a:tag", "oci:/var/lib/images:1", "oci:dir@sha256:" + new string('a', 64), "docker:name"],
        [":", "/", "@", "sha256:", ".", "..", "-", "__", "[", "]", "oci:", "docker:", "localhost", "\0", "é", " "],
        text =>
        {
            var location = ImageLocation.Parse(text);
            ImageLocation.Parse(location.ToString()).ShouldBe(location);
        }, typeof(FormatException));

    [Fact]
    public void Documents_AnyBytes_ThrowOnlyImageFormatException()
    {
        var image = TestImages.Build();
        var index = ImageDocuments.Write(new ImageIndex { MediaType = MediaTypes.OciIndex, Manifests = [image.ManifestDescriptor] });
        Fuzz.Bytes([image.Manifest.ToArray(), image.Config.ToArray(), index], [.. Json.Select(Encoding.UTF8.GetBytes)], bytes =>
        {
            foreach (var read in (Action[])[() => ImageDocuments.MediaTypeOf(bytes, null, "i"), () => ImageDocuments.ReadManifest(bytes, "i"), () => ImageDocuments.ReadIndex(bytes, "i"), () => ImageDocuments.Write(ImageDocuments.ReadConfig(bytes, "i"))])
            {
                try
                {
                    read();
                }
                catch (ImageFormatException)
                {
                    // Refused with what is wrong.
                }
            }
        });
    }

    [Fact]
    public void Layers_AnyTar_ThrowOnlyInvalidDataException() => Fuzz.Bytes(Tars(), Blocks(), bytes => LayerTestData.Read(new MemoryStream(bytes), Limits), typeof(InvalidDataException));

    [Fact]
    public void Layers_AnyBlob_ThrowOnlyInvalidDataException()
    {
        var compressed = Tars().SelectMany(tar => new[] { Gzip(tar), Zstd(tar) }).ToList();
        Fuzz.Bytes(compressed, [[0x1F, 0x8B], [0x28, 0xB5, 0x2F, 0xFD], [0x42, 0x5A, 0x68]], bytes =>
        {
            using var tar = LayerReader.Decompress(new MemoryStream(bytes), MediaTypes.OciLayerGzip);
            LayerTestData.Read(tar, Limits);
        }, typeof(InvalidDataException));
    }

    /// <summary>The checksum is made right again, or few mutations would get past it.</summary>
    [Fact]
    public void Extraction_AnyTar_StaysInItsDirectory()
    {
        using var scratch = new TemporaryDirectory();
        Directory.CreateDirectory(scratch["outside"]);
        var me = new Oci.FileSystem.RootedDirectory(scratch.Path).Stat("/")!.Owner;
        var number = 0;
        Fuzz.Bytes(Tars(), Blocks(), bytes =>
        {
            FixChecksums(bytes);
            var target = scratch[$"in/{number++}"];
            Directory.CreateDirectory(target);
            try
            {
                using var extractor = new TreeExtractor(target, new ExtractionRules { Owner = me, ParentLinks = number % 2 == 0 });
                var reader = new LayerReader(new MemoryStream(bytes), Limits);
                while (reader.Next() is { } entry)
                    extractor.Extract(entry, reader.Content);
                extractor.Complete();
            }
            finally
            {
                new Oci.FileSystem.RootedDirectory(scratch["in"]).Delete("/" + (number - 1));
                Directory.EnumerateFileSystemEntries(scratch["outside"]).ShouldBeEmpty();
                Directory.EnumerateFileSystemEntries(scratch.Path).Select(Path.GetFileName).ShouldBe(["in", "outside"], ignoreOrder: true);
            }
        }, typeof(InvalidDataException), typeof(IOException));
    }

    [Fact]
    public void Challenges_AnyHeader_ThrowNothing() => Fuzz.Text(
        ["Bearer realm=\"https://auth.test/token\",service=\"registry.test\",scope=\"repository:a:pull\"", "Basic realm=\"x\"", "Bearer realm=token, error=\"invalid_token\""],
        ["\"", "\\", ",", "=", " ", "Bearer ", "Basic ", "realm=", "\t", ";", "é", "\r\n"],
        text =>
        {
            AuthChallenge.Parse(text);
            using var response = new HttpResponseMessage();
            response.Headers.TryAddWithoutValidation("WWW-Authenticate", text);
            AuthChallenge.From(response.Headers);
        });

    [Fact]
    public void RegistryAuth_AnyText_ThrowsOnlyImageAccessException() => Fuzz.Text(
        ["""{"registry.test":"Basic dTpw","other.test":"Bearer t"}""", """{"https://registry.test/v1/":"X-Identity i"}""", "{}"],
        [.. Json, "registry.test", "Basic ", "Bearer ", "dTpw", "="],
        text =>
        {
            var found = new DockerConfigCredentials(null, text).FindAsync("registry.test", CancellationToken.None);
            found.IsCompleted.ShouldBeTrue();
            found.GetAwaiter().GetResult();
        }, typeof(ImageAccessException));

    [Fact]
    public void DockerConfig_AnyBytes_ThrowsOnlyImageAccessException()
    {
        using var directory = new TemporaryDirectory();
        // No helpers here: their names would be programs to run.
        Fuzz.Text(
            ["""{"auths":{"registry.test":{"auth":"dTpw"},"https://index.docker.io/v1/":{"username":"u","password":"p"}}}""", """{"auths":{"registry.test":{"identitytoken":"t"}},"HttpHeaders":{}}"""],
            [.. Json, "registry.test", "\"auth\":", "\"auths\":", "dTpw", "\"registrytoken\":"],
            text =>
            {
                File.WriteAllText(directory["config.json"], text);
                new DockerConfigCredentials(directory.Path).FindAsync("registry.test", CancellationToken.None).AsTask().GetAwaiter().GetResult();
            }, typeof(ImageAccessException));
    }

    private static List<byte[]> Tars()
    {
        using var directory = new TemporaryDirectory();
        var store = new ContentStore(directory.Path);
        byte[] Tar(params (LayerEntry, byte[])[] entries) => LayerTestData.Tar(store, LayerTestData.Write(store, entries));
        var name = new string('n', 200);
        return
        [
            Tar((LayerTestData.Dir("/a"), []), (LayerTestData.File("/a/f"), "content"u8.ToArray()), (LayerTestData.Link("/a/l", "../outside"), []), (LayerTestData.Hard("/a/h", "/a/f"), [])),
            Tar((LayerTestData.Link("/l", "/../../outside"), []), (LayerTestData.File("/l/x"), "x"u8.ToArray()), (LayerTestData.File("/.wh.y"), []), (LayerTestData.File("/.wh..wh..opq"), [])),
            Tar((LayerTestData.File("/" + name) with { ModifiedTime = DateTimeOffset.UnixEpoch.AddTicks(5), Xattrs = new Dictionary<string, byte[]> { ["user.x"] = [1, 2] } }, new byte[600])),
            Tar((new LayerEntry("/fifo", LayerEntryType.Fifo), [])),
        ];
    }

    private static List<byte[]> Blocks() =>
        ["../"u8.ToArray(), "/"u8.ToArray(), "\0"u8.ToArray(), ".wh."u8.ToArray(), "ustar"u8.ToArray(), "30 mtime=1.5\n"u8.ToArray(), "20 path=../../x\n"u8.ToArray(), "9999999999 a=b\n"u8.ToArray(), "77777777777"u8.ToArray(), [0x80, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], new byte[512]];

    private static void FixChecksums(byte[] tar)
    {
        for (var at = 0; at + 512 <= tar.Length; at += 512)
        {
            if (!tar.AsSpan(at + 257, 5).SequenceEqual("ustar"u8))
                continue;
            tar.AsSpan(at + 148, 8).Fill((byte)' ');
            var sum = 0;
            foreach (var value in tar.AsSpan(at, 512))
                sum += value;
            Encoding.ASCII.GetBytes(Convert.ToString(sum, 8).PadLeft(6, '0') + "\0 ").CopyTo(tar, at + 148);
        }
    }

    private static byte[] Gzip(byte[] bytes)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true))
            gzip.Write(bytes);
        return packed.ToArray();
    }

    private static byte[] Zstd(byte[] bytes)
    {
        using var compressor = new ZstdSharp.Compressor();
        return compressor.Wrap(bytes).ToArray();
    }
}
