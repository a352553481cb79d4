using System.Text;
using CsCheck;
using Grid.Lifecycle.Packages;

namespace Grid.Lifecycle.Tests.Packages;

public sealed class PackageDatabaseTests
{
    private static readonly PackageLimits Limits = new();

    [Fact]
    public void Dpkg_Status_GivesInstalledPackagesOnly()
    {
        var packages = DpkgStatus.Parse("""
            Package: curl
            Status: install ok installed
            Architecture: amd64
            Version: 7.88.1-10+deb12u5
            Description: command line tool
             Version: 1.0 of something else
             .

            Package: gone
            Status: deinstall ok config-files
            Architecture: amd64
            Version: 1

            Package: libstdc++6
            Status: install ok installed
            Source: gcc-12 (12.2.0-14)
            Architecture: amd64
            Version: 1:12.2.0-14
            """u8, Limits);

        packages.ShouldBe([
            new Package(PackageKind.Deb, "curl", "7.88.1-10+deb12u5", "amd64"),
            new Package(PackageKind.Deb, "libstdc++6", "1:12.2.0-14", "amd64") { Source = "gcc-12" },
        ]);
    }

    [Fact]
    public void Dpkg_StatusDirectory_HasNoStatusLine() =>
        DpkgStatus.Parse("Package: base-files\nVersion: 12.4\nArchitecture: arm64\n"u8, Limits).ShouldBe([new Package(PackageKind.Deb, "base-files", "12.4", "arm64")]);

    [Fact]
    public void Apk_Installed_GivesAllPackages() => ApkInstalled.Parse("""
        C:Q1abc=
        P:musl
        V:1.2.4-r2
        A:x86_64
        L:MIT
        o:musl
        F:lib
        R:libc.so

        P:libcrypto3
        V:3.1.4-r0
        A:x86_64
        o:openssl
        """u8, Limits).ShouldBe([
            new Package(PackageKind.Apk, "musl", "1.2.4-r2", "x86_64") { License = "MIT" },
            new Package(PackageKind.Apk, "libcrypto3", "3.1.4-r0", "x86_64") { Source = "openssl" },
        ]);

    [Fact]
    public void Parse_TooManyPackages_StopsAtTheBound() =>
        ApkInstalled.Parse(Encoding.UTF8.GetBytes(string.Concat(Enumerable.Range(0, 100).Select(n => $"P:p{n}\nV:1\n\n"))), Limits with { MaxPackages = 7 }).Count.ShouldBe(7);

    [Fact]
    public void Parse_LongValues_AreCut() =>
        ApkInstalled.Parse(Encoding.UTF8.GetBytes($"P:{new string('x', 5000)}\nV:1\n"), Limits).Single().Name.Length.ShouldBe(Limits.MaxText);

    [Fact]
    public void Text_AnyBytes_NeverFails() => Gen.Byte.Array[0, 400].Sample(bytes =>
    {
        DpkgStatus.Parse(bytes, Limits);
        ApkInstalled.Parse(bytes, Limits);
    });

    [Theory]
    [InlineData(512, 3)]
    [InlineData(512, 60)]
    [InlineData(4096, 400)]
    public void Rpm_Sqlite_GivesPackagesOfAllPages(int pageSize, int count)
    {
        var expected = Enumerable.Range(0, count).Select(n => new Package(PackageKind.Rpm, $"package-{n}", n % 3 == 0 ? $"1:2.{n}-3.fc40" : $"2.{n}-3.fc40", "x86_64")
        {
            License = "MIT", Source = $"source-{n}-2-3.src.rpm",
        }).ToList();
        var file = RpmFiles.Sqlite(pageSize, [.. expected.Select((p, n) => RpmFiles.Header(p, epoch: n % 3 == 0 ? 1 : null, padding: n * 37 % 3000)), RpmFiles.Header(new Package(PackageKind.Rpm, "gpg-pubkey", "1-1", ""), null, 0)]);

        RpmDatabase.ParseSqlite(file, Limits).OrderBy(p => p.Name, StringComparer.Ordinal).ShouldBe(expected.OrderBy(p => p.Name, StringComparer.Ordinal));
    }

    [Fact]
    public void Rpm_Ndb_GivesAllPackages()
    {
        Package[] expected = [new(PackageKind.Rpm, "zypper", "1.14-1", "x86_64") { License = "GPL", Source = "zypper-1.14-1.src.rpm" }, new(PackageKind.Rpm, "bash", "5.2-1", "x86_64") { License = "GPL", Source = "bash-5.2-1.src.rpm" }];

        RpmDatabase.ParseNdb(RpmFiles.Ndb([.. expected.Select(p => RpmFiles.Header(p, null, 5))]), Limits).ShouldBe(expected);
    }

    [Fact]
    public void Rpm_BrokenFiles_FailCleanly() => Gen.Select(Gen.Int[0, 20_000], Gen.Byte, Gen.Bool).Array[1, 12].Sample(changes =>
    {
        var package = new Package(PackageKind.Rpm, "package", "1-1", "noarch");
        foreach (var file in new[] { RpmFiles.Sqlite(512, [.. Enumerable.Range(0, 40).Select(n => RpmFiles.Header(package, n, n * 50))]), RpmFiles.Ndb([RpmFiles.Header(package, 1, 100)]) })
        {
            var broken = file.ToArray();
            foreach (var (at, value, cut) in changes)
            {
                if (broken.Length == 0)
                    break;
                broken[at % broken.Length] = value;
                if (cut && at % 7 == 0)
                    broken = broken[..(at % broken.Length)];
            }
            Try(() => RpmDatabase.ParseSqlite(broken, Limits));
            Try(() => RpmDatabase.ParseNdb(broken, Limits));
        }
    }, iter: 2000);

    [Fact]
    public void Rpm_NoDatabase_SaysSo()
    {
        Should.Throw<InvalidDataException>(() => RpmDatabase.ParseSqlite("hello"u8.ToArray(), Limits));
        Should.Throw<InvalidDataException>(() => RpmDatabase.ParseNdb("hello"u8.ToArray(), Limits));
    }

    private static void Try(Action read)
    {
        try
        {
            read();
        }
        catch (InvalidDataException)
        {
            // The one answer to a broken file.
        }
    }
}
