namespace Grid.Client.Models;

/// <summary>One action in the audit log.</summary>
/// <param name="Number">Position in the log, from 1.</param>
/// <param name="At">When.</param>
/// <param name="Actor">Who: <c>key:ID</c> or <c>user:SUBJECT</c>.</param>
/// <param name="Action">What: an operation of this API.</param>
/// <param name="Object">To what: a path of this API.</param>
/// <param name="Result"><c>done</c>, or the code of the error that was answered.</param>
/// <param name="RequestId">The answer's <c>X-Request-Id</c>.</param>
public sealed record AuditEntryResource(long Number, DateTimeOffset At, string Actor, string Action, string Object, string Result, string RequestId);
