import { type ErrorDetails, MapReduceError } from '../base/errors.ts';
import { isInstance, thrownFields } from '../base/thrown.ts';
import { refusePromise, unsuitableKind } from '../base/user-returns.ts';
import type { Codec } from './codec.ts';

/**
 * Wraps a user's codec and checks its calls: errors that it throws are reported as its own, and the sink must be left in a
 * valid state.
 */
export function customCodec<C extends Codec<unknown>>(codec: C): C {
  const { name } = codec;
  for (const method of ['encode', 'decode'] as const) {
    const kind = unsuitableKind(codec[method]);
    if (kind === undefined) continue;
    throw new MapReduceError(
      'JobDefinitionError',
      `${method}() of the codec '${name}' is ${kind}; it must be an ordinary, synchronous function`,
    );
  }
  const checked: Codec<unknown> = {
    name,
    encode(value, sink) {
      let returned: unknown;
      try {
        returned = codec.encode(value, sink);
      } catch (error) {
        throw codecError(name, 'encode', error);
      }
      if (returned !== undefined) refusePromise('codec', returned, `encode() of the codec '${name}'`);
      if (!Number.isInteger(sink.end) || sink.end < 0 || sink.end > sink.bytes.length) {
        throw new MapReduceError(
          'JobDefinitionError',
          `encode() of the codec '${name}' left sink.end at ${String(sink.end)}, outside of the buffer of ${sink.bytes.length} bytes. Call sink.reserve() for the bytes to write, and read sink.bytes and sink.end again after the call`,
          { details: DETAILS },
        );
      }
    },
    decode(bytes, start, end) {
      let value: unknown;
      try {
        value = codec.decode(bytes, start, end);
      } catch (error) {
        throw codecError(name, 'decode', error);
      }
      if (typeof value === 'object') refusePromise('codec', value, `decode() of the codec '${name}'`);
      return value;
    },
  };
  return { ...codec, ...checked };
}

const DETAILS: ErrorDetails = { phase: 'codec' };

function codecError(codec: string, method: 'encode' | 'decode', thrown: unknown): unknown {
  if (isInstance(thrown, MapReduceError)) return thrown;
  const { name, message, stack, isError } = thrownFields(thrown);
  return new MapReduceError(
    'UserCodeError',
    `${method}() of the codec '${codec}' threw ${isError ? `${name}: ${message}` : message}`,
    { details: { ...DETAILS, ...(stack === undefined ? {} : { userStack: stack }) }, cause: thrown },
  );
}
