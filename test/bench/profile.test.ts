import { describe, expect, test } from 'vitest';
import { type CpuProfile, describeProfile, summarizeProfiles } from '../../bench/profile.ts';

function profile(samples: readonly number[], timeDeltas: readonly number[]): CpuProfile {
  const map = { functionName: 'map', url: new URL('../../src/map.ts', import.meta.url).href, lineNumber: 9 };
  return {
    nodes: [
      { id: 1, callFrame: { functionName: '(idle)', url: '', lineNumber: -1 } },
      { id: 2, callFrame: map },
      { id: 3, callFrame: { functionName: '(garbage collector)', url: '', lineNumber: -1 } },
      { id: 4, callFrame: map },
    ],
    samples,
    timeDeltas,
    startTime: 0,
  };
}

describe('profile', () => {
  test('adds up the time of a function over its callers and threads, without idle time', () => {
    const threads = [profile([1, 2, 4], [5_000, 2_000, 1_000]), profile([2, 3, 2], [3_000, 2_000, -10])];

    const summary = summarizeProfiles(threads);

    expect(summary).toMatchObject({ threads: 2, busyMs: 8, idleMs: 5 });
    expect(summary.functions).toEqual([
      { name: 'map', place: 'src/map.ts:10', selfMs: 6 },
      { name: '(garbage collector)', place: '', selfMs: 2 },
    ]);
    expect(summary.files.map(({ name }) => name)).toEqual(['src/map.ts', '(garbage collector)']);
  });

  test('prints shares of the busy time', () => {
    const text = describeProfile(summarizeProfiles([profile([2, 3], [3_000, 1_000])]));

    expect(text).toMatch(/map {2}src\/map\.ts:10 +0\.003 +75\.0 %/);
  });
});
