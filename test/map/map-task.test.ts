import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { deserializeError, MapReduceError, serializeError } from '../../src/base/errors.ts';
import { attemptId, taskId } from '../../src/base/ids.ts';
import { KiB, LIMITS, MiB } from '../../src/base/limits.ts';
import { errorText } from '../../src/cli/display/error-text.ts';
import { shuffleKey } from '../../src/commit/layout.ts';
import { defineJob, type Job, lines, type MapContext, textLines, tsv } from '../../src/index.ts';
import { runMapTask } from '../../src/map/map-task.ts';
import type { MapTaskSpec, TaskEnvironment } from '../../src/plan/task.ts';
import type { SplitPiece } from '../../src/read/input-file.ts';
import { readShuffleFooter } from '../../src/shuffle/shuffle-object.ts';
import { MemoryStore } from '../../src/storage/memory/memory-store.ts';
import { environmentOf, LAYOUT, scratchFolder } from '../commit/environment.ts';
import { objectsBelow } from '../commit/small-job.ts';
import { withMap } from '../helpers/jobs.ts';

type Context = MapContext<string, string, Readonly<Record<string, never>>, undefined>;
type Mapper = (line: string, context: Context) => void;
const COMMON = { description: '', input: textLines() } as const;

const shufflingBase = defineJob({
  ...COMMON,
  name: 'shuffling',
  key: 'string',
  value: 'string',
  map: () => {},
  reduce: 'each',
  output: tsv(),
});
const mapOnlyBase = defineJob({ ...COMMON, name: 'map-only', map: () => {}, output: tsv() });
const shuffling = (map: Mapper): Job => withMap(shufflingBase, map);
const mapOnly = (map: Mapper): Job => withMap(mapOnlyBase, map);
const KINDS = [
  ['with a shuffle', shuffling],
  ['map-only', mapOnly],
] as const;

const TASK = taskId('map', 0);

function withGetter(error: Error, name: string): Error {
  return Object.defineProperty(error, name, {
    get() {
      throw new Error('not to be read');
    },
  });
}

function selfCaused(): Error {
  const error = new Error('round');
  error.cause = error;
  return error;
}

function thenable(then: () => void): unknown {
  return Object.fromEntries([['then', then]]);
}

function revokedProxy(): unknown {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

function throwingProxy(): unknown {
  return new Proxy(
    {},
    {
      getPrototypeOf() {
        throw new Error('nothing to see');
      },
      get() {
        throw new Error('nothing to see');
      },
    },
  );
}

async function attempt(
  job: Job,
  texts: readonly string[],
  { environment = {}, attempts = 1 }: { environment?: Partial<TaskEnvironment>; attempts?: number } = {},
) {
  using scratch = scratchFolder();
  const inputs = new MemoryStore({ name: 'inputs' });
  const pieces: SplitPiece[] = [];
  for (const [i, text] of texts.entries()) {
    const { etag, sizeBytes } = await inputs.put(`in/${i}.txt`, Buffer.from(text));
    pieces.push({
      file: { key: `in/${i}.txt`, sizeBytes, etag, compression: 'none' },
      startBytes: 0,
      endBytes: sizeBytes,
    });
  }
  const spec: MapTaskSpec = { stage: 'map', index: 0, taskId: TASK, split: { pieces } };
  const given = {
    ...environmentOf(job, { store: new MemoryStore(), scratch: scratch.path }),
    inputs,
    ...environment,
  };
  let result = await runMapTask(spec, attemptId(TASK, 0), given);
  for (let i = 1; i < attempts; i++) result = await runMapTask(spec, attemptId(TASK, i), given);
  return { result, environment: given, objects: await objectsBelow(given.store, '') };
}

describe.each(KINDS)('a map task %s', (_kind, make) => {
  it("rejects emits of the user's timers after the task has ended", async () => {
    let late: Context['emit'] | undefined;
    const job = make((line, { emit }) => {
      late = emit;
      emit('word', line);
    });

    const { result } = await attempt(job, ['a\nb\n']);

    expect(result.recordsWritten).toBe(2);
    expect(() => late!('word', 'late')).toThrow(
      'emit() was called after map() had returned. map is synchronous: call emit() before it returns, not from a timer or a promise',
    );
  });

  it('reports the records and bytes it read and wrote, and its counters', async () => {
    const job = make((line, { emit, count }) => {
      count('lines');
      count('bytes', line.length);
      for (const word of line.split(' ')) emit(word, line);
    });

    const { result, environment } = await attempt(job, ['a b\nc\n', 'd e f']);

    expect(result).toMatchObject({
      taskId: TASK,
      attemptId: 'm-00000.0',
      committed: true,
      recordsRead: 3,
      bytesRead: 11,
      recordsWritten: 6,
      counters: { bytes: 9, lines: 3 },
      spills: 0,
    });
    expect(Object.keys(result.counters)).toEqual(['bytes', 'lines']);
    expect(environment.progress).toMatchObject({ recordsRead: 3, pieceIndex: 1 });
    expect(environment.progress.bytesRead).toBe(11);
  });

  it('passes the file and position of each record to map', async () => {
    const seen: unknown[] = [];
    const job = make((line, { file, position }) => {
      seen.push([line, file, position()]);
    });

    await attempt(job, ['one\ntwo\n', 'three']);

    expect(seen).toEqual([
      ['one', 'in/0.txt', { file: 'in/0.txt', offsetBytes: 0 }],
      ['two', 'in/0.txt', { file: 'in/0.txt', offsetBytes: 4 }],
      ['three', 'in/1.txt', { file: 'in/1.txt', offsetBytes: 0 }],
    ]);
  });

  it("whose map throws reports the record and the user's stack", async () => {
    const job = make((line) => {
      if (line === 'bad') throw new TypeError('no such field');
    });

    await expect(attempt(job, ['fine\n', 'fine\nbad\nfine\n'])).rejects.toMatchObject({
      name: 'UserCodeError',
      message: 'map() threw TypeError: no such field',
      retryable: true,
      details: {
        phase: 'map',
        file: 'in/1.txt',
        offsetBytes: 5,
        taskId: 'm-00000',
        attemptId: 'm-00000.0',
        jobName: job.name,
        userStack: expect.stringContaining('map-task.test.ts'),
      },
    });
  });

  it('whose map throws a value that is not an Error reports the value', async () => {
    for (const [thrown, message] of [
      ['text', 'map() threw text'],
      [undefined, 'map() threw undefined'],
      [null, 'map() threw null'],
    ] as const) {
      const job = make(() => {
        throw thrown;
      });

      await expect(attempt(job, ['x\n'])).rejects.toMatchObject({ name: 'UserCodeError', message });
    }
  });

  it.each<[string, () => unknown, string]>([
    ['a symbol', () => Symbol('s'), 'Symbol(s)'],
    ['an object without text', () => Object.create(null), '(object that cannot be converted to text)'],
    ['a frozen error', () => Object.freeze(new RangeError('cold')), 'RangeError: cold'],
    [
      'an error whose name is not a text',
      () => Object.assign(new Error('odd'), { name: { a: 1 } }),
      'Error: odd',
    ],
    [
      'an error whose message is not a text',
      () => Object.assign(new Error('x'), { message: 5 }),
      'Error: (an error whose message is not a text)',
    ],
    [
      'an error whose message throws',
      () => withGetter(new Error('x'), 'message'),
      'Error: (an error whose message is not a text)',
    ],
    ['an error whose stack throws', () => withGetter(new Error('x'), 'stack'), 'Error: x'],
    ['an error whose cause throws', () => withGetter(new Error('x'), 'cause'), 'Error: x'],
    ['an error that is its own cause', () => Object.assign(selfCaused(), {}), 'Error: round'],
    ['a proxy that throws at everything', throwingProxy, '(object that cannot be converted to text)'],
    ['a revoked proxy', revokedProxy, '(object that cannot be converted to text)'],
    [
      'an error from another realm',
      () => runInNewContext("new TypeError('elsewhere')"),
      'TypeError: elsewhere',
    ],
    ['a function', () => () => 1, '() => 1'],
  ])(
    'whose map throws %s fails with a UserCodeError that can be serialized',
    async (_what, thrown, message) => {
      const job = make(() => {
        throw thrown();
      });

      const error = await attempt(job, ['x\n']).catch((failure: unknown) => failure);

      expect(error).toMatchObject({ name: 'UserCodeError', message: `map() threw ${message}` });
      const told = deserializeError(structuredClone(serializeError(error)));
      expect(told).toMatchObject({ name: 'UserCodeError', message: `map() threw ${message}` });
      expect(
        errorText(told, { paint: (_style, text) => text, packageRoot: new URL('file:///') }),
      ).not.toContain('defect');
    },
  );

  it('whose map is asynchronous fails, and the rejection of the promise is handled', async () => {
    const job = make(async () => {
      throw new Error('late');
    });

    await expect(attempt(job, ['x\n'])).rejects.toMatchObject({
      name: 'JobDefinitionError',
      message: expect.stringContaining('map() returned a promise; it must be synchronous'),
    });
  });

  it.each<[string, () => unknown, string]>([
    [
      'a generator',
      function* () {
        yield 1;
      },
      "a generator or another iterator; it must call emit(key, value) and return nothing. Remove '*'",
    ],
    [
      'an async generator',
      async function* () {
        yield 1;
      },
      "a generator or another iterator; it must call emit(key, value) and return nothing. Remove '*'",
    ],
    ['an iterator', () => ['a'].values(), 'a generator or another iterator; it must call emit'],
    [
      'pairs',
      () => [['a', 1]],
      '[["a",1]] (array of 1); it must call emit(key, value) and return nothing. Call emit() for each pair',
    ],
    ['an empty array', () => [], '[] (array of 0); it must call emit'],
    [
      'the result of &&',
      () => false,
      'false (boolean); it must call emit(key, value) and return nothing. Write `if (condition) emit(...)`',
    ],
    [
      'text',
      () => '',
      '"" (string); it must call emit(key, value) and return nothing. Put the body in braces',
    ],
    ['null', () => null, 'null (null); it must call emit'],
    ['a thenable', () => thenable(() => {}), 'a promise; it must be synchronous'],
    [
      'a proxy that throws at every access',
      revokedProxy,
      'a value that cannot be printed (object); it must call emit',
    ],
  ])('whose map returns %s fails', async (_what, returning, message) => {
    const job = make((() => returning()) as unknown as Mapper);

    await expect(attempt(job, ['x\n'])).rejects.toMatchObject({
      name: 'JobDefinitionError',
      message: expect.stringContaining(`map() returned ${message}`),
      details: { phase: 'map', taskId: TASK },
    });
  });

  it('may return what emit() returns', async () => {
    const { result } = await attempt(
      make((line, { emit }) => emit('word', line)),
      ['a\nb\n'],
    );

    expect(result.recordsWritten).toBe(2);
  });

  it.each<[string, () => unknown]>([
    ['a promise', () => Promise.reject(new Error('late'))],
    [
      'a thenable',
      () =>
        thenable(() => {
          throw new Error('no');
        }),
    ],
  ])('whose setup returns %s fails, and the message suggests alternatives', async (_what, setup) => {
    const job = { ...make(() => {}), setup };

    await expect(attempt(job, ['x\n'])).rejects.toMatchObject({
      name: 'JobDefinitionError',
      message:
        "setup() returned a promise; it must be synchronous. Remove 'async', and fetch what it needs at the top level of the job module (await works there), or read it with readFileSync()",
    });
  });

  it.each<[string, unknown]>([
    ['an iterator', [1, 2].values()],
    ['an object whose properties throw', throwingProxy()],
    ['null', null],
  ])('whose setup returns %s passes it to map as the state', async (_what, state) => {
    let seen: unknown;
    const job = {
      ...make((_line, context) => {
        seen = context.state;
      }),
      setup: () => state,
    };

    await attempt(job, ['x\n']);

    expect(seen === state).toBe(true);
  });

  it('whose map swallows a failed emit still fails, and commits nothing', async () => {
    const job = make((line, { emit }) => {
      try {
        emit(line, Symbol('no text') as never);
      } catch {}
    });
    const store = new MemoryStore();

    await expect(attempt(job, ['a\nb\n'], { environment: { store } })).rejects.toMatchObject({
      name: 'UnencodableValueError',
    });
    expect(await objectsBelow(store, '')).toEqual({});
  });

  it('accepts only finite counts, and a bounded number of counter names', async () => {
    for (const amount of [Number.NaN, Number.POSITIVE_INFINITY, '1' as never, null as never]) {
      await expect(
        attempt(
          make((_line, { count }) => count('x', amount)),
          ['x\n'],
        ),
      ).rejects.toMatchObject({
        name: 'JobDefinitionError',
        message: expect.stringMatching(
          /^count\('x', .+\): the amount must be a finite number; received (number|string|object)\./,
        ),
      });
    }
    const many = make((_line, { count }) => {
      for (let i = 0; i <= LIMITS.counterNamesMax; i++) count(`counter ${i}`);
    });
    await expect(attempt(many, ['x\n'])).rejects.toMatchObject({
      name: 'JobDefinitionError',
      message: expect.stringContaining('would create counter number 1001; a job may have at most 1000'),
    });
  });

  it('rejects a count if the sum would not be finite', async () => {
    const job = make((_line, { count }) => count('x', 1e308));

    await expect(attempt(job, ['1\n2\n'])).rejects.toMatchObject({
      name: 'JobDefinitionError',
      message: expect.stringMatching(
        /^count\('x', 1e\+308\) would raise the counter, now at 1e\+308, above .+ smaller/,
      ),
    });
  });

  it('accepts any text as the name of a counter', async () => {
    const names = ['constructor', 'toString', '__proto__', 'hasOwnProperty', '', 'ü'];
    const job = make((_line, { count }) => {
      for (const name of names) count(name, 2);
    });

    const { result } = await attempt(job, ['x\ny\n']);

    expect(Object.entries(result.counters).sort()).toEqual(names.map((name) => [name, 4]).sort());
  });

  it('stops between chunks when it is cancelled, and commits nothing', async () => {
    const store = new MemoryStore();
    let checks = 0;
    const control = {
      check: () => {
        if (++checks === 3) throw new MapReduceError('DeadlineNearError', 'soon');
      },
    };
    const text = `${'x'.repeat(999)}\n`.repeat(1_000);

    const running = attempt(
      make(() => {}),
      [text],
      { environment: { store, control } },
    );

    await expect(running).rejects.toMatchObject({ name: 'DeadlineNearError', details: { taskId: TASK } });
    expect(await objectsBelow(store, '')).toEqual({});
  });

  it('checks for cancellation right before it commits', async () => {
    const store = new MemoryStore();
    let mapped = false;
    const control = {
      check: () => {
        if (mapped) throw new MapReduceError('CancelledError', 'another attempt was first');
      },
    };
    const job = make(() => {
      mapped = true;
    });

    await expect(attempt(job, ['x\n'], { environment: { store, control } })).rejects.toMatchObject({
      name: 'CancelledError',
    });
    expect(await objectsBelow(store, '')).toEqual({});
  });

  it('rejects a record that is longer than a quarter of its memory', async () => {
    const running = attempt(
      make(() => {}),
      [`${'x'.repeat(2_000)}\n`],
      { environment: { memoryBytes: 4_000 } },
    );

    await expect(running).rejects.toMatchObject({
      name: 'RecordTooLargeError',
      retryable: false,
      message: expect.stringContaining(
        'in/0.txt: the line that starts at byte 0 is longer than 1000 bytes, the maximum for one record.',
      ),
      details: { taskId: TASK },
    });
  });

  it('names the flag that allows a longer record, the current value and the maximum', async () => {
    const running = attempt(
      make(() => {}),
      [`${'x'.repeat(1 * MiB + 10)}\n`],
      { environment: { memoryBytes: 4 * MiB } },
    );

    await expect(running).rejects.toThrow(
      "The bound is a quarter of the worker's memory of 4 MiB. Raise --memory (memoryBytes; on AWS taskMemoryMb); a record may have at most 256 MiB.",
    );
  });

  it('runs setup once per attempt, and reports its failure', async () => {
    let setups = 0;
    const base = make(() => {});
    const job: Job = { ...base, setup: () => setups++ };

    await attempt(job, ['a\nb\nc\n'], { attempts: 2 });
    const failing = attempt({ ...base, setup: () => JSON.parse('{') }, ['x\n']);
    const promising = attempt({ ...base, setup: async () => {} }, ['x\n']);

    expect(setups).toBe(2);
    await expect(failing).rejects.toMatchObject({ name: 'UserCodeError', details: { phase: 'setup' } });
    await expect(promising).rejects.toMatchObject({
      name: 'JobDefinitionError',
      details: { phase: 'setup' },
    });
  });

  it('commits an empty object for a split without records', async () => {
    const { result, objects } = await attempt(
      make(() => {}),
      [''],
    );

    expect(result).toMatchObject({ committed: true, recordsRead: 0, recordsWritten: 0 });
    expect(Object.keys(objects).length).toBe(1);
  });
});

describe('a map task with a shuffle', () => {
  it('writes more than a megabyte piece by piece', async () => {
    const job = shuffling((line, { emit }) => {
      for (let i = 0; i < 30; i++) emit(`${line}${i}`, 'v'.repeat(100 * KiB));
    });

    const { result, environment } = await attempt(job, ['x\ny\n']);

    const { store } = environment;
    const { summary, extents } = await readShuffleFooter(
      store,
      (await store.head(shuffleKey(LAYOUT, TASK)))!,
    );
    expect(summary).toMatchObject({ recordsWritten: 60, attemptId: 'm-00000.0' });
    expect(extents[0]!.lengthBytes).toBeGreaterThan(5 * MiB);
    expect(result.bytesWritten).toBe(summary.bytesWritten);
  });
});

describe('a map-only task', () => {
  it('writes more output for one record than fits into memory', async () => {
    const job = defineJob({
      ...COMMON,
      name: 'amplify',
      map: (line, { emit }) => {
        for (let i = 0; i < 200; i++) emit(undefined, `${i} ${line.repeat(100 * KiB)}`);
      },
      output: lines(),
    });

    const { result, objects } = await attempt(job, ['x\ny\n']);

    const part = objects['out/part-m-00000.txt']!;
    expect(result).toMatchObject({ recordsWritten: 400, bytesWritten: part.length });
    expect(part.split('\n').map((row) => row.slice(0, 6).trim())).toEqual([
      ...Array.from({ length: 200 }, (_, i) => `${i} xxxxx`.slice(0, 6)),
      ...Array.from({ length: 200 }, (_, i) => `${i} yyyyy`.slice(0, 6)),
      '',
    ]);
  });
});
