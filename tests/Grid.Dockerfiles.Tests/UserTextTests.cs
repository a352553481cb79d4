namespace Grid.Dockerfiles;

public sealed class UserTextTests
{
    [Theory]
    [InlineData("", "0", null)]
    [InlineData("cnb", "cnb", null)]
    [InlineData("1001:", "1001", null)]
    [InlineData("1001:daemon", "1001", "daemon")]
    public void Parse_Forms(string text, string user, string? group) => UserText.Parse(text).ShouldBe(new UserText(user, group));

    [Theory]
    [InlineData(":1")]
    [InlineData(":")]
    [InlineData("a:b:c")]
    [InlineData("4294967296")]
    [InlineData("2147483648")]
    [InlineData("0:99999999999999999999")]
    [InlineData("-1")]
    [InlineData("a\nb")]
    [InlineData("../etc")]
    public void Parse_Refuses(string text) => Should.Throw<FormatException>(() => UserText.Parse(text));

    [Theory]
    [InlineData("root", true)]
    [InlineData("0:5", true)]
    [InlineData("000", true)]
    [InlineData("", true)]
    [InlineData("1001:0", false)]
    public void IsRoot_KnowsNamesAndNumbers(string text, bool root) => UserText.Parse(text).IsRoot.ShouldBe(root);
}
