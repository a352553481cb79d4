using Grid.Grains.Machines;

namespace Grid.Grains.Tests.Machines;

public sealed class PublishFenceTests
{
    private static readonly DateTimeOffset Noon = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void Ask_First_IsGranted_AndAgainForLonger()
    {
        var (intent, answer) = PublishFence.Ask(null, "b/Export#1", Noon);
        answer.ShouldBe(new(true, PublishFence.Lease));
        intent.ShouldBe(new("b/Export#1", Noon + PublishFence.Lease));

        PublishFence.Ask(intent, "b/Export#1", Noon.AddSeconds(5)).Intent.Until.ShouldBe(Noon.AddSeconds(5) + PublishFence.Lease);
    }

    [Fact]
    public void Ask_AnotherAttempt_WaitsForLeaseAndMargin()
    {
        var intent = PublishFence.Ask(null, "b/Export#1", Noon).Intent;
        var over = Noon + PublishFence.Lease + PublishFence.Margin;

        var (kept, answer) = PublishFence.Ask(intent, "b/Export#2", Noon.AddSeconds(1));
        kept.ShouldBe(intent);
        answer.ShouldBe(new(false, over - Noon.AddSeconds(1)));
        PublishFence.Ask(intent, "b/Export#2", over.AddTicks(-1)).Answer.Granted.ShouldBeFalse();
        PublishFence.Ask(intent, "b/Export#2", over).Intent.Handle.ShouldBe("b/Export#2");
    }

    [Fact]
    public void At_no_time_do_two_attempts_have_the_right()
    {
        // Seeded, so that a failure can be seen again.
        var random = new Random(17);
        for (var run = 0; run < 500; run++)
        {
            PublishIntent? intent = null;
            var rights = new List<(string Handle, DateTimeOffset From, DateTimeOffset Until)>();
            var (now, attempt) = (Noon, 1);
            for (var n = 0; n < 40; n++)
            {
                now += TimeSpan.FromSeconds(random.NextDouble() * 6);
                if (random.Next(5) == 0)
                    attempt++;
                var handle = $"b/Export#{attempt}";
                (intent, var answer) = PublishFence.Ask(intent, handle, now);
                if (answer.Granted)
                    rights.Add((handle, now, now + answer.Duration));
            }
            foreach (var one in rights)
                rights.ShouldNotContain(other => other.Handle != one.Handle && other.From < one.Until + PublishFence.Margin && one.From < other.Until + PublishFence.Margin);
        }
    }
}
