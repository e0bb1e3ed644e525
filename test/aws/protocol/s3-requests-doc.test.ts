import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readAheadBytes, uploadBytes } from '../../../src/aws/model/function-memory.ts';
import { pricesOf } from '../../../src/aws/model/prices.ts';
import { ATTEMPT_CHECK_MS } from '../../../src/aws/protocol/attempt-checks.ts';
import { WATCH_SECONDS_MAX, WATCH_SECONDS_MIN } from '../../../src/aws/protocol/watch-state.ts';
import { GiB, KiB, LIMITS, MiB } from '../../../src/base/limits.ts';
import { defaultReducers, defaultSplitSizeBytes } from '../../../src/plan/splits.ts';
import { shuffleIndexBytes } from '../../../src/shuffle/shuffle-index.ts';
import { S3_LIMITS } from '../../../src/storage/s3/s3-limits.ts';
import { uploadRequests } from '../../../src/storage/s3/s3-part-sizes.ts';

const DOCUMENT = readFileSync(new URL('../../../docs/s3-requests.md', import.meta.url), 'utf8');
const PRICES = pricesOf('us-east-1');
const CONCURRENCY = 800;
const TASK_SECONDS = 30;
const STAGE_SECONDS = 600;
/** The key of a shuffle object and its ETag, as JSON. */
const LISTED_OBJECT_BYTES = 110;

/** The formulas of docs/s3-requests.md. test/emulator/requests.test.ts compares them with the requests of a job. */
function costOf(inputBytes: number): Record<string, string> {
  const splitBytes = defaultSplitSizeBytes(inputBytes);
  const [maps, reducers] = [Math.ceil(inputBytes / splitBytes), defaultReducers(inputBytes)];
  const pages = (keys: number) => Math.ceil(keys / 1_000);
  const rangesOfSplit = Math.ceil((splitBytes + LIMITS.inputChunkBytes) / S3_LIMITS.readRangeBytes);
  const looks = looksOfWatch();
  const writes = maps + reducers + 12 + (1 + 1 + pages(maps) + 2 + pages(reducers) + pages(maps + 3));
  const listsOfWatch = looks * (pages(maps) + pages(reducers));
  const reads = {
    'GET first bytes of the input': 1_000,
    'GET input': rangesOfSplit * maps,
    'GET footers': maps,
    'GET index': readsOfIndex(maps, reducers) * reducers,
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
    split: splitBytes < GiB ? `${splitBytes / MiB} MiB` : `${splitBytes / GiB} GiB`,
    ...Object.fromEntries(
      Object.entries(figures).map(([name, count]) => [name, count.toLocaleString('en-US')]),
    ),
    '**S3 requests**': `**$${dollars.toPrecision(2)}**`,
    '... more for a sort': `$${(partsOfSort(inputBytes, maps, reducers) * PRICES.s3Write).toPrecision(2)}`,
    'if each cell were an object': `$${(maps * reducers * PRICES.s3Write).toFixed(2)} in PUTs`,
  };
}

/** The first read, of 64 KiB, covers the whole index, only its list of objects, or not even that. */
function readsOfIndex(maps: number, reducers: number): number {
  const listBytes = maps * LISTED_OBJECT_BYTES;
  if (listBytes + shuffleIndexBytes({ maps, partitions: reducers }) <= 64 * KiB) return 1;
  return listBytes <= 64 * KiB ? 2 : 3;
}

/** The PUTs of the parts of a job that writes as much as it reads, beyond one for each object. */
function partsOfSort(inputBytes: number, maps: number, reducers: number): number {
  const limits = { ...S3_LIMITS, uploadBytes: uploadBytes(1_769 * MiB) };
  const requestsOf = (tasks: number) => tasks * (uploadRequests(Math.ceil(inputBytes / tasks), limits) - 1);
  // And the summary of each large part.
  return requestsOf(maps) + requestsOf(reducers) + reducers;
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
    [1, 6.25 * GiB],
    [2, 62.5 * GiB],
    [3, 1e12],
    [4, 1e13],
  ])('column %i: what %i bytes of input cost', (index, inputBytes) => {
    const { '': head, ...found } = column(index);
    const maps = Math.ceil(inputBytes / defaultSplitSizeBytes(inputBytes));

    expect(head).toBe(
      `M = ${maps.toLocaleString('en-US')}, R = ${defaultReducers(inputBytes).toLocaleString('en-US')}`,
    );
    expect(found).toMatchObject(costOf(inputBytes));
  });

  it('states up to which size a cell takes one request', () => {
    const cellKiB = (memoryMb: number) =>
      Math.floor(readAheadBytes(memoryMb * MiB) / LIMITS.openRunsMax / KiB);

    expect(DOCUMENT).toContain(`up to ${cellKiB(1_769)} KiB is one GET where functions have 1,769 MB`);
    expect(DOCUMENT.replaceAll('\n', ' ')).toContain(`up to ${cellKiB(512)} KiB where they have 512 MB`);
  });
});
