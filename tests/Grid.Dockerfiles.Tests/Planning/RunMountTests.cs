namespace Grid.Dockerfiles.Planning;

public sealed class RunMountTests
{
    private static RunMount Mount(string options) => Samples.Last<RunStep>($"WORKDIR /w\nENV v=val\nRUN --mount={options} x").Mounts.ShouldHaveSingleItem();

    [Fact]
    public void Read_Cache()
    {
        Mount("type=cache,target=/var/cache/apt,sharing=locked").ShouldBe(new RunMount(RunMountKind.Cache, "/var/cache/apt") { Id = "/var/cache/apt", Sharing = CacheSharing.Locked });
        Mount("type=cache,dst=rel/../c,id=$v,mode=0770,uid=5,gid=6,ro").ShouldBe(
            new RunMount(RunMountKind.Cache, "/w/c") { Id = "val", Mode = Convert.ToInt32("770", 8), UserId = 5, GroupId = 6, ReadOnly = true });
    }

    [Fact]
    public void Read_CacheId_CannotBecomeAPath()
    {
        var mount = Mount("type=cache,target=/c,id=../../x");
        mount.Id.ShouldBe("../../x");
        mount.StoreName().ShouldMatch("^[0-9a-f]{64}$");
    }

    [Fact]
    public void Read_BindTmpfsSecret()
    {
        Mount("target=/s,source=../../a/./b").ShouldBe(new RunMount(RunMountKind.Bind, "/s") { Source = "/a/b", ReadOnly = true });
        Mount("type=bind,target=/s,rw").ShouldBe(new RunMount(RunMountKind.Bind, "/s") { Source = "/", ReadOnly = false });
        Mount("type=tmpfs,target=/t,size=64m").ShouldBe(new RunMount(RunMountKind.Tmpfs, "/t") { SizeBytes = 64L << 20 });
        Mount("type=secret,id=a/key,required").ShouldBe(new RunMount(RunMountKind.Secret, "/run/secrets/key") { Id = "a/key", Required = true, ReadOnly = true });
        Mount("type=secret,id=key,env=KEY").ShouldBe(new RunMount(RunMountKind.Secret, "") { Id = "key", Variable = "KEY", ReadOnly = true });
        Mount("type=secret,target=/x/tok,mode=0400").Id.ShouldBe("tok");
    }

    [Theory]
    [InlineData("type=ssh", "ssh")]
    [InlineData("type=x,target=/a", "unsupported mount type")]
    [InlineData("type=bind", "needs a target")]
    [InlineData("type=cache,target=/", "invalid mount target")]
    [InlineData("type=cache,target=/a/..", "invalid mount target")]
    [InlineData("type=bind,from=img,target=/a", "another image or stage is not permitted")]
    [InlineData("type=bind,target=/a,bind-propagation=suid", "unexpected key 'bind-propagation'")]
    [InlineData("type=bind,target=/a,exec", "unexpected key 'exec'")]
    [InlineData("type=bind,target=/a,size=1", "unexpected key 'size'")]
    [InlineData("type=tmpfs,target=/a,mode=1", "unexpected key 'mode'")]
    [InlineData("type=tmpfs,target=/a,size=1x", "invalid value for size")]
    [InlineData("type=tmpfs,target=/a,size=99999999999999999t", "invalid value for size")]
    [InlineData("type=cache,target=/a,sharing=x", "unsupported sharing")]
    [InlineData("type=cache,target=/a,mode=99", "invalid value 99 for mode")]
    [InlineData("type=cache,target=/a,uid=4294967296", "invalid value 4294967296 for uid")]
    [InlineData("type=cache,target", "must be a key=value pair")]
    [InlineData("type=secret", "one of source, target required")]
    [InlineData("type=secret,id=a,source=b", "both source and id")]
    [InlineData("type=secret,id=a,env=A=B", "not a name for an environment variable")]
    [InlineData("type=cache,target=/a,ro=maybe", "invalid value for readonly")]
    public void Read_Refuses(string options, string what) => Samples.Fails($"RUN --mount={options} x").Message.ShouldContain(what);
}
