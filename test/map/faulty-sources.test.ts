/** Input formats of the user's own that do not keep to the contract: a clear error, and never a result without some records. */
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { attemptId, taskId } from '../../src/base/ids.ts';
import { byteRanges, defineJob, type OpenPiece, type Source, tsv } from '../../src/index.ts';
import { runMapTask } from '../../src/map/map-task.ts';
import { MemoryStore } from '../../src/storage/memory/memory-store.ts';
import { environmentOf, scratchFolder } from '../commit/environment.ts';

type Deliver = (line: string) => void;
const TASK = taskId('map', 0);
const TEXT = 'a\nb\nc\n';

/** Reads a compressed file, since its bytes are not compared with the plan. */
async function mapped(input: Source<string>, onBadRecord?: { skip: number; thrown?: boolean }) {
  using scratch = scratchFolder();
  const job = defineJob({
    name: 'faulty',
    description: '',
    input,
    key: 'string',
    value: 'number',
    map(line, { emit }) {
      if (line === 'b') throw new Error('no b');
      // The cast: user code may emit anything.
      emit(line, line === 'c' && onBadRecord?.thrown === true ? ('no number' as never) : 1);
    },
    reduce: 'each',
    output: tsv(),
    ...(onBadRecord === undefined ? {} : { onBadRecord }),
  });
  const inputs = new MemoryStore({ name: 'inputs' });
  const { etag, sizeBytes } = await inputs.put('in/a.gz', gzipSync(TEXT));
  const file = { key: 'in/a.gz', sizeBytes, etag, compression: 'gzip' } as const;
  const split = { pieces: [{ file, startBytes: 0, endBytes: sizeBytes }] };
  const base = environmentOf(job, { store: new MemoryStore(), scratch: scratch.path });
  const settings = { ...base.settings, ...(onBadRecord === undefined ? {} : { onBadRecord }) };
  const environment = { ...base, settings, inputs };
  return await runMapTask({ stage: 'map', index: 0, taskId: TASK, split }, attemptId(TASK, 0), environment);
}

function source(
  deliverAll: (lines: string[], deliver: Deliver, piece: OpenPiece) => void,
  units: unknown = 6,
) {
  const faulty: Source<string> = {
    name: 'faulty',
    counts: 'bytes',
    cuts: 'between files',
    read: (piece) => ({
      // The cast: the format lies about its type.
      unitsRead: units as number,
      offset: () => 0,
      async *[Symbol.asyncIterator]() {
        let text = '';
        for await (const chunk of piece.chunks()) text += chunk.toString();
        yield { forEach: (deliver: Deliver) => deliverAll(text.trim().split('\n'), deliver, piece) };
      },
    }),
  };
  return faulty;
}

const each = (lines: string[], deliver: Deliver) => {
  for (const line of lines.filter((one) => one !== 'b')) deliver(line);
};

describe('a map task refuses an input format', () => {
  test('that delivers records after its batch has returned', async () => {
    const late = source(async (lines, deliver) => {
      await undefined;
      each(lines, deliver);
    });

    await expect(mapped(late)).rejects.toThrow(/^forEach\(\) of a batch of faulty returned a promise/);
  });

  test.each(['push', 'finish'] as const)('whose parser has an async %s()', async (method) => {
    const parser = { push: () => false, finish: () => {}, ownedBytes: 6, recordOffsetBytes: () => 0 };
    const late = byteRanges<string>({
      name: 'late',
      splittable: false,
      createParser: () => ({ ...parser, [method]: async () => false }),
    });

    await expect(mapped(late)).rejects.toThrow(/returned a promise; it must be synchronous/);
  });

  test.each([Number.NaN, -5, 1.5, undefined, 6n])(
    'that reports %s as the bytes that it read',
    async (units) => {
      const read = units === undefined ? source(each, null) : source(each, units);

      await expect(mapped(read)).rejects.toMatchObject({ name: 'JobDefinitionError' });
    },
  );

  test('that throws, by its name', async () => {
    const throws = source(() => {
      throw new TypeError('boom');
    });

    await expect(mapped(throws)).rejects.toMatchObject({
      name: 'UserCodeError',
      message: 'the input format faulty threw TypeError: boom',
    });
  });
});

describe('an error of map is reported', () => {
  test('if the format swallows it', async () => {
    const swallows = source((lines, deliver) => {
      for (const line of lines) {
        try {
          deliver(line);
        } catch {}
      }
    });

    await expect(mapped(swallows)).rejects.toThrow('map() threw Error: no b');
  });

  test('if the format takes it for an error of its own', async () => {
    const mistakes = source((lines, deliver, piece) => {
      for (const line of lines) {
        try {
          deliver(line);
        } catch {
          piece.bad({ message: 'not a line', offset: 0 });
        }
      }
    });

    await expect(mapped(mistakes, { skip: 5 })).rejects.toThrow('map() threw Error: no b');
  });

  test('if the format swallows an emit of what cannot be encoded, which is no fault of the record', async () => {
    const swallows = source((lines, deliver) => {
      for (const line of lines) {
        try {
          deliver(line);
        } catch {}
      }
    });

    await expect(mapped(swallows, { skip: 5, thrown: true })).rejects.toMatchObject({
      name: 'UnencodableValueError',
    });
  });
});
