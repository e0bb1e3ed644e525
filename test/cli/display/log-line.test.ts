import { describe, expect, it } from 'vitest';
import { formatDuration } from '../../../src/base/quantities.ts';
import { shownLine } from '../../../src/cli/display/log-line.ts';
import { plainPaint } from '../../../src/cli/display/paint.ts';

describe('a line of a log', () => {
  it.each([
    [
      '{"level":"INFO","message":"done","step":"map","task":"m-00001","retry":2,"elapsedMs":1500}',
      `INFO   map task m-00001 retry 2: done after ${formatDuration(1500)}`,
    ],
    [
      '{"level":"ERROR","message":"failed","step":"reduce","retry":0,"failure":{"message":"no"}}',
      'ERROR  reduce: failed: no',
    ],
    [
      '{"execution_arn":"arn","type":"TaskStateEntered","details":{"name":"Plan"}}',
      'STATE  TaskStateEntered Plan',
    ],
    ['not JSON', 'not JSON'],
  ])('that a function or the state machine wrote is shown: %s', (line, shown) => {
    expect(shownLine(line, plainPaint)).toBe(shown);
  });

  it.each([
    ['{"message":"mine"}', '{"message":"mine"}'],
    ['{"level":{"toString":1},"message":"mine"}', '{"level":{"toString":1},"message":"mine"}'],
    ['{"level":"INFO","message":"mine","task":{"toString":1},"retry":{"toString":1}}', 'INFO   : mine'],
    ['{"level":"INFO","message":"mine","timestamp":{"toString":1}}', 'INFO   : mine'],
    ['{"execution_arn":"arn","type":{"toString":1},"details":null}', 'STATE  '],
    [String.raw`{"level":"\u001b[2J","message":"mine"}`, '\u00b7[2J   : mine'],
  ])("that the job's own code wrote is shown whatever its fields are: %s", (line, shown) => {
    expect(shownLine(line, plainPaint)).toBe(shown);
  });
});
