import { expect, test } from 'vitest';
import type { ByteSink, Codec } from '../../src/codec/codec.ts';
import { GrowableSink } from '../../src/codec/growable-sink.ts';
import { resolveKeyCodec, resolveValueCodec } from '../../src/codec/resolve.ts';

const codecOf = (change: object): Codec<unknown> =>
  resolveValueCodec({ name: 'mine', encode: () => {}, decode: () => 'x', ...change } as Codec<unknown>);

test.each([
  ['an async function', async () => {}],
  ['a generator function', function* () {}],
])('%s is refused as a function of a codec', (kind, refused) => {
  for (const method of ['encode', 'decode']) {
    expect(() => codecOf({ [method]: refused })).toThrow(
      `${method}() of the codec 'mine' is ${kind}; it must be an ordinary, synchronous function`,
    );
  }
  expect(() =>
    resolveKeyCodec({ name: 'mine', ordered: true, encode: refused, decode: () => 1 } as never),
  ).toThrow("of the codec 'mine' is ");
});

test('a promise returned by a codec is refused, and its rejection is handled', () => {
  const late = () => Promise.reject(new Error('late'));

  expect(() => codecOf({ encode: late }).encode(1, new GrowableSink())).toThrow(
    "encode() of the codec 'mine' returned a promise; it must be synchronous",
  );
  expect(() => codecOf({ decode: late }).decode(Buffer.alloc(0), 0, 0)).toThrow(
    "decode() of the codec 'mine' returned a promise; it must be synchronous",
  );
});

test('an error thrown by a codec names the codec', () => {
  const throwing = () => {
    throw new RangeError('too large');
  };

  expect(() => codecOf({ encode: throwing }).encode(1, new GrowableSink())).toThrow(
    expect.objectContaining({
      name: 'UserCodeError',
      message: "encode() of the codec 'mine' threw RangeError: too large",
      details: { phase: 'codec', userStack: expect.stringContaining('custom-codec.test.ts') },
    }),
  );
  expect(() => codecOf({ decode: throwing }).decode(Buffer.alloc(0), 0, 0)).toThrow(
    "decode() of the codec 'mine' threw RangeError: too large",
  );
});

test.each([Number.NaN, -1, 1.5, 1e9, '3', undefined])(
  'a codec that leaves sink.end at %s is refused',
  (end) => {
    const encode = (_value: unknown, sink: ByteSink) => {
      sink.end = end as number;
    };

    expect(() => codecOf({ encode }).encode(1, new GrowableSink())).toThrow(
      `encode() of the codec 'mine' left sink.end at ${String(end)}, outside of the buffer of`,
    );
  },
);

test('an arrow function may return the new sink.end', () => {
  const encode = (_value: unknown, sink: ByteSink) => (sink.end += 2);
  const sink = new GrowableSink();

  codecOf({ encode }).encode(1, sink);

  expect(sink.end).toBe(2);
});
