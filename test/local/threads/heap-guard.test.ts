import { describe, expect, test } from 'vitest';
import { HeapGuard } from '../../../src/local/threads/heap-guard.ts';

/** A heap with live data and garbage, and a guard that checks it once a second. */
function guarded(boundBytes: number) {
  const heap = { kept: 0, garbage: 0, collections: 0 };
  const guard = new HeapGuard(boundBytes, {
    usedBytes: () => heap.kept + heap.garbage,
    collect: () => {
      heap.garbage = 0;
      heap.collections++;
    },
  });
  let nowMs = 0;
  return {
    heap,
    check: () => {
      nowMs += 1_000;
      guard.check(nowMs);
    },
  };
}

describe('the guard of the JavaScript heap', () => {
  test('does not collect garbage while the heap is within its bound', () => {
    const { heap, check } = guarded(1_000);
    heap.garbage = 1_000;

    check();

    expect(heap.collections).toBe(0);
  });

  test('collects garbage before it decides', () => {
    const { heap, check } = guarded(1_000);
    heap.kept = 600;
    heap.garbage = 900;

    expect(check).not.toThrow();

    expect(heap).toEqual({ kept: 600, garbage: 0, collections: 1 });
  });

  test('fails the attempt if the live data exceeds the bound', () => {
    const { heap, check } = guarded(1_000);
    heap.kept = 1_001;

    expect(check).toThrow('the JavaScript heap still holds 1001 bytes after garbage collection');
  });

  test('does not collect at every check when live data fills nearly all of the bound', () => {
    const { heap, check } = guarded(1_000);
    heap.kept = 950;

    for (let i = 0; i < 100; i++) {
      heap.garbage += 60;
      check();
    }

    expect(heap.collections).toBeLessThan(30);
  });

  test('checks only at intervals', () => {
    let checks = 0;
    const guard = new HeapGuard(1_000, { usedBytes: () => ++checks, collect: () => {} });

    for (let ms = 0; ms < 100; ms++) guard.check(ms);

    expect(checks).toBe(5);
  });
});
