import { describe, expect, test } from 'vitest';
import {
  newSharedBuffer,
  SharedProgress,
  SharedSignals,
  sharedControl,
} from '../../../src/local/threads/shared-progress.ts';

const FIELDS = [
  'recordsRead',
  'bytesRead',
  'recordsWritten',
  'bytesSpilled',
  'spills',
  'pieceIndex',
  'chunkOffsetBytes',
  'steps',
] as const;

describe('the memory that a worker shares with the coordinator', () => {
  test('has a separate place for each number, visible to both sides, up to the largest exact number', () => {
    const buffer = newSharedBuffer();
    const worker = new SharedProgress(buffer);
    const coordinator = new SharedProgress(buffer);

    for (const [i, field] of FIELDS.entries()) worker[field] = Number.MAX_SAFE_INTEGER - i;

    expect(FIELDS.map((field) => coordinator[field])).toEqual(
      FIELDS.map((_, i) => Number.MAX_SAFE_INTEGER - i),
    );
  });

  test('keeps the signals when the numbers are reset', () => {
    const buffer = newSharedBuffer();
    const progress = new SharedProgress(buffer);
    const signals = new SharedSignals(buffer);
    for (const field of FIELDS) progress[field] = 1e300;
    signals.begin(3);

    progress.reset();

    expect(FIELDS.every((field) => progress[field] === 0)).toBe(true);
    expect(signals.hasBegun(3)).toBe(true);
  });

  test('cancels only the attempt that the request is for, and no later one', () => {
    const signals = new SharedSignals(newSharedBuffer());

    signals.askToStop(1);

    expect(() => sharedControl(signals, 1, () => {}).check()).toThrow('cancelled');
    expect(() => sharedControl(signals, 2, () => {}).check()).not.toThrow();
    expect(signals.hasBegun(1)).toBe(false);
  });
});
