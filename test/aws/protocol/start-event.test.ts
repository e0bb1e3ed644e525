import { describe, expect, it } from 'vitest';
import { derivedJobId, parseStartEvent } from '../../../src/aws/protocol/start-event.ts';

const upload = (key: string, object: object = { sequencer: '0A' }) => ({
  version: '0',
  id: 'differs with each delivery',
  source: 'aws.s3',
  'detail-type': 'Object Created',
  detail: { bucket: { name: 'the-bucket' }, object: { key, size: 3, ...object }, reason: 'PutObject' },
});

describe('an event that starts a job', () => {
  it.each([
    ['input/word-count/a.txt', { kind: 'upload', app: 'word-count' }],
    ['input/word-count/2026/01/a b+c.txt', { kind: 'upload', app: 'word-count' }],
    ['input/lost.txt', { kind: 'upload', app: '' }],
    ['requests/daily.json', { kind: 'request-object' }],
    ['requests/team/daily.json', { kind: 'request-object' }],
  ])('an upload of %s', (key, expected) => {
    expect(parseStartEvent(upload(key))).toMatchObject({
      ...expected,
      object: { bucket: 'the-bucket', key },
    });
  });

  it.each([
    ['input/word-count/', 'is a folder marker'],
    ['input/word-count/_temporary/a.txt', 'has a hidden name'],
    ['input/word-count/.a.txt.swp', 'has a hidden name'],
    ['requests/daily.failure.json', 'is a failure note'],
    ['requests/notes.txt', 'does not end in .json'],
    ['output/x/part-r-00000.tsv', 'is not below input/'],
  ])('an upload of %s is ignored: it %s', (key, why) => {
    expect(parseStartEvent(upload(key))).toEqual({ kind: 'ignored', why: expect.stringContaining(why) });
  });

  it('may come from the command', () => {
    const request = { app: 'word-count', inputs: ['data/'] };

    expect(parseStartEvent({ jobId: 'daily-1', request })).toEqual({
      kind: 'submit',
      jobId: 'daily-1',
      request,
    });
    expect(parseStartEvent({ jobId: 'daily-1', redrive: true })).toEqual({
      kind: 'redrive',
      jobId: 'daily-1',
      allowOtherCode: false,
    });
    expect(parseStartEvent({ jobId: 'daily-1', redrive: true, allowOtherCode: true })).toMatchObject({
      kind: 'redrive',
      allowOtherCode: true,
    });
  });

  it.each([
    [{}],
    [{ jobId: 'x' }],
    [{ jobId: 'x', redrive: false }],
    [{ jobId: '../x', request: { app: 'a' } }],
    ['text'],
    [null],
  ])('%j is refused', (input) => {
    expect(() => parseStartEvent(input)).toThrow(expect.objectContaining({ name: 'UsageError' }));
  });
});

describe('an input that nearly starts a job', () => {
  it.each<[unknown, string]>([
    [{ jobId: 5, request: {} }, 'jobId: must be a text; received 5'],
    [{ jobId: 'x', request: ['a'] }, 'request: is an object of names'],
    [{ jobId: 'x', request: {}, requests: {} }, 'requests: unknown field. Did you mean "request"?'],
    [{ jobId: 'x' }, 'request: is missing'],
    [{ jobId: 'x', redrive: 'yes' }, 'redrive: must be true; received "yes"'],
    [{ jobId: 'x', redrive: true, request: {} }, 'request: unknown field'],
    [{ jobId: 'x', redrive: true, allowOtherCode: 1 }, 'allowOtherCode: must be true or false; received 1'],
    [{ jobId: 'x', redrive: true, alowOtherCode: true }, 'Did you mean "allowOtherCode"?'],
    [{ source: 'aws.s3', detail: { bucket: { name: 'b' }, object: { key: 5 } } }, 'detail.object.key: '],
    [{ source: 'aws.ec2', detail: {} }, 'source: '],
  ])('is refused with the path of the field: %j', (input, message) => {
    expect(() => parseStartEvent(input)).toThrow(message);
  });
});

describe('the job id of an upload', () => {
  const idOf = (event: unknown) => {
    const start = parseStartEvent(event);
    if (start.kind !== 'upload' && start.kind !== 'request-object') throw new Error(start.kind);
    return derivedJobId(start);
  };

  it('is the same for each delivery of one event', () => {
    const event = upload('input/word-count/a.txt');

    expect(idOf({ ...event, id: 'another' })).toBe(idOf(event));
    expect(idOf(event)).toMatch(/^word-count-[0-9a-f]{16}$/);
  });

  it('differs by key, by version, and without versions by sequencer', () => {
    const ids = [
      idOf(upload('input/word-count/a.txt', { sequencer: '01' })),
      idOf(upload('input/word-count/a.txt', { sequencer: '02' })),
      idOf(upload('input/word-count/b.txt', { sequencer: '01' })),
      idOf(upload('input/word-count/a.txt', { sequencer: '01', 'version-id': 'v1' })),
      idOf(upload('input/word-count/a.txt', { sequencer: '01', 'version-id': 'v2' })),
      // This is the version while versioning is suspended.
      idOf(upload('input/word-count/a.txt', { sequencer: '03', 'version-id': 'null' })),
      idOf(upload('input/word-count/a.txt', { sequencer: '04', 'version-id': 'null' })),
    ];

    expect(new Set(ids).size).toBe(ids.length);
  });

  it.each([
    ['requests/team one/täglich (neu).json', /^team-one-t-glich-neu-+[0-9a-f]{16}$/],
    ['requests/---.json', /^job-[0-9a-f]{16}$/],
    [`requests/${'x'.repeat(200)}.json`, /^x{48}-[0-9a-f]{16}$/],
  ])('of %s is valid in keys and as the name of an execution', (key, pattern) => {
    expect(idOf(upload(key))).toMatch(pattern);
  });
});
