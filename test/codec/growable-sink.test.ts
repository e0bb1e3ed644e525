import { expect, test } from 'vitest';
import { GrowableSink } from '../../src/codec/growable-sink.ts';

test('a sink keeps what was written when it grows', () => {
  const sink = new GrowableSink(16);

  for (let i = 0; i < 1_000; i++) {
    sink.reserve(1);
    sink.bytes[sink.end++] = i & 0xff;
  }

  expect(sink.end).toBe(1_000);
  expect(sink.bytes.subarray(0, 1_000)).toEqual(
    Buffer.from(Array.from({ length: 1_000 }, (_, i) => i & 0xff)),
  );
});

test('a sink at least doubles when it grows, and makes all the room asked for', () => {
  const sink = new GrowableSink(16);

  sink.reserve(17);
  const doubled = sink.bytes.length;
  sink.reserve(1_000);

  expect(doubled).toBe(32);
  expect(sink.bytes.length).toBe(1_000);
});

test('reset keeps the buffer', () => {
  const sink = new GrowableSink(16);
  sink.reserve(100);
  const { bytes } = sink;
  sink.end = 100;

  sink.reset();

  expect(sink.end).toBe(0);
  expect(sink.bytes).toBe(bytes);
});
