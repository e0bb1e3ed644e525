import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { watchOf } from '../../../src/aws/model/cost.ts';
import { INDEX_NAME_BYTES } from '../../../src/aws/model/evaluate.ts';
import { readAheadBytes, uploadBytes } from '../../../src/aws/model/function-memory.ts';
import { pricesOf } from '../../../src/aws/model/prices.ts';
import { type RequestRow, type RequestShape, requestRows } from '../../../src/aws/model/requests.ts';
import { ATTEMPT_CHECK_MS, ATTEMPT_CHECK_READS } from '../../../src/aws/protocol/attempt-checks.ts';
import { GiB, KiB, LIMITS, MiB } from '../../../src/base/limits.ts';
import { defaultReducers, defaultSplitSizeBytes } from '../../../src/plan/splits.ts';
import { indexReads } from '../../../src/shuffle/shuffle-index.ts';
import { chargedRequests } from '../../../src/storage/s3/s3-charges.ts';
import { S3_LIMITS } from '../../../src/storage/s3/s3-limits.ts';
import { uploadRequests } from '../../../src/storage/s3/s3-part-sizes.ts';

const DOCUMENT = readFileSync(new URL('../../../docs/s3-requests.md', import.meta.url), 'utf8');
const PRICES = pricesOf('us-east-1');
const CONCURRENCY = 800;
const TASK_SECONDS = 30;
const STAGE_SECONDS = 600;

/** The requests of src/aws/model/requests.ts. test/emulator/requests.test.ts compares them with the requests of a job. */
function costOf(inputBytes: number): Record<string, string> {
  const splitBytes = defaultSplitSizeBytes(inputBytes);
  const [maps, reducers] = [Math.ceil(inputBytes / splitBytes), defaultReducers(inputBytes)];
  const rows = requestRows(shapeOf({ splitBytes, maps, reducers }));
  const count = (counts: (row: RequestRow) => boolean) =>
    rows.filter(counts).reduce((sum, row) => sum + row.count, 0);
  const exact = rows.filter(({ byTime }) => byTime === undefined);
  const { writes, reads } = chargedRequests(exact);
  const all = chargedRequests(rows);
  const named = {
    'GET first bytes of the input': count(
      ({ step, operation, what }) => operation === 'GET' && step === 'plan' && what === 'input',
    ),
    'GET input': count(({ step, what }) => step === 'map' && what === 'input'),
    'GET footers': count(({ what }) => what === 'footers'),
    'GET index': count(({ operation, what }) => operation === 'GET' && what === 'index'),
    'GET cells': count(({ what }) => what === 'cells'),
    'GET settings': count(
      ({ step, operation, what }) => step !== 'watch' && operation === 'GET' && what === 'settings',
    ),
  };
  const namedReads = Object.values(named).reduce((sum, reads) => sum + reads, 0);
  const figures = {
    'PUT and LIST': writes,
    '... by time: LISTs of the watch': all.writes - writes,
    ...named,
    // Those of the settings are not exact.
    'other GETs, HEADs': reads - (namedReads - named['GET settings']),
    '... by time: HEADs of attempts': count(({ what }) => what === 'checks of attempts'),
    '... by time: HEADs of the watch': count(({ what }) => what === 'checks of the watch'),
  };
  const dollars = all.writes * PRICES.s3Write + all.reads * PRICES.s3Read;
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

/** As the page says: 1,000 objects, one GET for each cell, one PUT for each object, tasks of 30 s, stages of 10 minutes. */
function shapeOf({
  splitBytes,
  maps,
  reducers,
}: {
  splitBytes: number;
  maps: number;
  reducers: number;
}): RequestShape {
  const looks = watchOf({ tasks: maps, wallMs: STAGE_SECONDS * 1_000 }).looks;
  const pages = Math.ceil(maps / 1_000) + Math.ceil(reducers / 1_000);
  return {
    files: 1_000,
    inputNames: { prefixes: 1, keys: 0 },
    lookedFiles: 1_000,
    sampleGets: 0,
    startedBy: 'command',
    maps,
    reducers,
    itemLists: [maps, reducers].filter((tasks) => tasks > LIMITS.inlineTasksMax).length,
    storedSplits: 0,
    inputGets: maps * Math.ceil((splitBytes + LIMITS.inputChunkBytes) / S3_LIMITS.readRangeBytes),
    mapEnvironments: Math.min(maps, CONCURRENCY),
    reduceEnvironments: Math.min(reducers, CONCURRENCY),
    shuffleWrites: maps,
    footerGets: maps,
    indexWrites: 1,
    indexGets: indexReads({ maps, partitions: reducers, namesBytes: maps * INDEX_NAME_BYTES }),
    cellGets: maps * reducers,
    partWrites: reducers,
    largeParts: 0,
    attemptChecks: Math.floor((TASK_SECONDS * 1_000) / ATTEMPT_CHECK_MS) * (maps + reducers),
    attemptCheckReads: ATTEMPT_CHECK_READS,
    watchLooks: 2 * looks,
    watchReads: 2 * looks * 3,
    watchLists: looks * pages,
  };
}

/** The PUTs of the parts of a job that writes as much as it reads, beyond one for each object. */
function partsOfSort(inputBytes: number, maps: number, reducers: number): number {
  const limits = { ...S3_LIMITS, uploadBytes: uploadBytes(1_769 * MiB) };
  const requestsOf = (tasks: number) => tasks * (uploadRequests(Math.ceil(inputBytes / tasks), limits) - 1);
  // And the summary of each large part.
  return requestsOf(maps) + requestsOf(reducers) + reducers;
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
