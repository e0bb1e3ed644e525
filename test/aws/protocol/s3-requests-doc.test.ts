import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readAheadBytes } from '../../../src/aws/model/function-memory.ts';
import { pricesOf } from '../../../src/aws/model/prices.ts';
import { ATTEMPT_CHECK_MS } from '../../../src/aws/protocol/attempt-checks.ts';
import { WATCH_SECONDS_MAX, WATCH_SECONDS_MIN } from '../../../src/aws/protocol/watch-state.ts';
import { KiB, LIMITS, MiB } from '../../../src/base/limits.ts';
import { S3_LIMITS } from '../../../src/storage/s3/s3-limits.ts';

const DOCUMENT = readFileSync(new URL('../../../docs/s3-requests.md', import.meta.url), 'utf8');
const PRICES = pricesOf('us-east-1');
const CONCURRENCY = 800;
const TASK_SECONDS = 30;
const STAGE_SECONDS = 600;

/** The formulas of docs/s3-requests.md. test/emulator/requests.test.ts compares them with the requests of a job. */
function costOf(maps: number, reducers: number): Record<string, string> {
  const pages = (keys: number) => Math.ceil(keys / 1_000);
  const rangesOfSplit = Math.ceil(
    (LIMITS.splitSizeBytesDefault + LIMITS.inputChunkBytes) / S3_LIMITS.readRangeBytes,
  );
  const looks = looksOfWatch();
  const writes = maps + reducers + 12 + (1 + 1 + pages(maps) + 2 + pages(reducers) + pages(maps + 3));
  const listsOfWatch = looks * (pages(maps) + pages(reducers));
  const reads = {
    'GET first bytes of the input': 1_000,
    'GET input': rangesOfSplit * maps,
    'GET footers': maps,
    'GET index': 3 * reducers,
    'GET cells': maps * reducers,
    'GET settings': Math.min(maps, CONCURRENCY) + Math.min(reducers, CONCURRENCY),
    // Of plan, stages, request and claim, of the parts, of cancel in an attempt; and by Step Functions.
    'other GETs, HEADs': 9 + (reducers + 2) + (maps + 2 * reducers) + 2,
    '... by time: HEADs of attempts':
      3 * Math.floor((TASK_SECONDS * 1_000) / ATTEMPT_CHECK_MS) * (maps + reducers),
    '... by time: HEADs of the watch': 2 * 3 * looks,
  };
  const allReads = Object.values(reads).reduce((sum, count) => sum + count, 0);
  const dollars = (writes + listsOfWatch) * PRICES.s3Write + allReads * PRICES.s3Read;
  const figures = { 'PUT and LIST': writes, '... by time: LISTs of the watch': listsOfWatch, ...reads };
  return {
    ...Object.fromEntries(
      Object.entries(figures).map(([name, count]) => [name, count.toLocaleString('en-US')]),
    ),
    '**S3 requests**': `**$${dollars.toPrecision(2)}**`,
    'if each cell were an object': `$${(maps * reducers * PRICES.s3Write).toFixed(2)} in PUTs`,
  };
}

function looksOfWatch(): number {
  let looks = 0;
  let seconds = 0;
  for (let wait = WATCH_SECONDS_MIN; seconds < STAGE_SECONDS; looks++) {
    seconds += wait;
    wait = Math.min(WATCH_SECONDS_MAX, wait + 1);
  }
  return looks;
}

/** The rows of the table below "What it costs", by their first column. */
function column(index: number): Record<string, string> {
  const rows = DOCUMENT.slice(DOCUMENT.indexOf('## What it costs'))
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) => line.split('|').map((cell) => cell.trim()));
  return Object.fromEntries(rows.map((cells) => [cells[1], cells[index + 1]!]));
}

describe('docs/s3-requests.md', () => {
  it.each([
    [1, 1_000, 100],
    [2, 7_812, 256],
  ])('column %i: what %i map tasks and %i reduce tasks cost', (index, maps, reducers) => {
    expect(column(index)).toMatchObject(costOf(maps, reducers));
  });

  it('states up to which size a cell takes one request', () => {
    const cellKiB = (memoryMb: number) =>
      Math.floor(readAheadBytes(memoryMb * MiB) / LIMITS.openRunsMax / KiB);

    expect(DOCUMENT).toContain(`up to ${cellKiB(1_769)} KiB is one GET where functions have 1,769 MB`);
    expect(DOCUMENT.replaceAll('\n', ' ')).toContain(`up to ${cellKiB(512)} KiB where they have 512 MB`);
  });
});
