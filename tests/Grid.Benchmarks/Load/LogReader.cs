namespace Grid.Benchmarks.Load;

/// <summary>Who reads a log over HTTP, and how.</summary>
internal static class LogReader
{
    private const int Buffer = 64 * 1024;

    /// <summary>Reads to the end and gives the number of events.</summary>
    public static async Task<int> ReadAllAsync(HttpClient http, Uri path, CancellationToken cancellationToken)
    {
        await using var stream = await OpenAsync(http, path, cancellationToken);
        var (buffer, events, isLineEnd) = (new byte[Buffer], 0, false);
        while (await stream.ReadAsync(buffer, cancellationToken) is > 0 and var read)
        {
            // An event ends with an empty line.
            foreach (var one in buffer.AsSpan(0, read))
            {
                if (one == (byte)'\n' && isLineEnd)
                    events++;
                isLineEnd = one == (byte)'\n';
            }
        }
        return events;
    }

    /// <summary>Reads a little now and then until it is told to stop.</summary>
    public static async Task ReadSlowlyAsync(HttpClient http, Uri path, CancellationToken cancellationToken)
    {
        try
        {
            await using var stream = await OpenAsync(http, path, cancellationToken);
            var buffer = new byte[4096];
            while (await stream.ReadAsync(buffer, cancellationToken) > 0)
                await Task.Delay(100, cancellationToken);
        }
        catch (OperationCanceledException)
        {
            // It has seen enough.
        }
    }

    /// <summary>Reads so many bytes and goes away without a word.</summary>
    public static async Task LeaveAsync(HttpClient http, Uri path, long bytes, CancellationToken cancellationToken)
    {
        try
        {
            await using var stream = await OpenAsync(http, path, cancellationToken);
            var buffer = new byte[Buffer];
            while (bytes > 0 && await stream.ReadAsync(buffer, cancellationToken) is > 0 and var read)
                bytes -= read;
        }
        catch (OperationCanceledException)
        {
            // There was not so much.
        }
        http.Dispose();
    }

    private static async Task<Stream> OpenAsync(HttpClient http, Uri path, CancellationToken cancellationToken)
    {
        var answer = await http.GetAsync(path, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        answer.EnsureSuccessStatusCode();
        return await answer.Content.ReadAsStreamAsync(cancellationToken);
    }
}
