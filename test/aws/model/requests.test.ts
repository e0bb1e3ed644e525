import { describe, expect, it } from 'vitest';
import { type RequestShape, requestRows } from '../../../src/aws/model/requests.ts';
import { chargedRequests } from '../../../src/storage/s3/s3-charges.ts';

/** A job of the table in docs/s3-requests.md: one range a split, one read of the index, one environment for all tasks. */
function shape({ maps, reducers, files }: { maps: number; reducers: number; files: number }): RequestShape {
  return {
    files,
    inputNames: { prefixes: 1, keys: 0 },
    lookedFiles: files,
    sampleGets: 0,
    startedBy: 'command',
    maps,
    reducers,
    itemLists: reducers === 0 ? 1 : 2,
    storedSplits: 0,
    inputGets: maps,
    mapEnvironments: 0,
    reduceEnvironments: 0,
    shuffleWrites: maps,
    footerGets: maps,
    indexWrites: 1,
    indexGets: reducers,
    cellGets: maps * reducers,
    partWrites: reducers === 0 ? maps : reducers,
    largeParts: 0,
    attemptChecks: 0,
    attemptCheckReads: 0,
    watchLooks: 0,
    watchReads: 0,
    watchLists: 0,
  };
}

function totals(rows: ReturnType<typeof requestRows>): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const { operation, count } of rows) sums[operation] = (sums[operation] ?? 0) + count;
  return sums;
}

describe('the requests of a job', () => {
  it('are those of the page, with the two of Step Functions', () => {
    const [maps, reducers, files] = [12, 5, 3];

    expect(totals(requestRows(shape({ maps, reducers, files })))).toEqual({
      PUT: maps + reducers + 13,
      GET: maps * reducers + 2 * maps + reducers + files + 9 + 2,
      HEAD: 3 * reducers + maps + 2,
      LIST: 7,
      DELETE: 1,
    });
  });

  it('of a map-only job have no index and no cells', () => {
    const rows = requestRows(shape({ maps: 7, reducers: 0, files: 3 }));

    expect(rows.map(({ what }) => what)).not.toContain('cells');
    expect(totals(rows)).toMatchObject({ PUT: 7 + 10, LIST: 6, HEAD: 3 * 7 + 2 });
  });

  it('are charged as writes and reads, and deletions as nothing', () => {
    const rows = requestRows(shape({ maps: 2_000, reducers: 10, files: 1 }));
    const { PUT = 0, LIST = 0, GET = 0, HEAD = 0 } = totals(rows);

    expect(chargedRequests(rows)).toEqual({ writes: PUT + LIST, reads: GET + HEAD });
  });
});
