/** Makes hostile requests, as the bytes of the object to upload. */
import type { Random } from '../../simulation/random.ts';

/** A prefix below `data/` that a job may read. */
export const READABLE = 'data/hostile/';
/** A word in the intermediates and documents of another job. No job may read it. */
export const SECRET = 'xyzzysecretword';

const VALID: Readonly<Record<string, unknown>> = { app: 'word-count', inputs: [READABLE] };

export function hostileRequest(random: Random): Buffer {
  return random.chance(0.25) ? brokenBytes(random) : Buffer.from(JSON.stringify(hostileFields(random)));
}

function brokenBytes(random: Random): Buffer {
  const valid = JSON.stringify(VALID);
  return random.pick([
    () => Buffer.from(valid.slice(0, random.int(0, valid.length - 1))),
    () => Buffer.from(`\ufeff${valid}`),
    () => Buffer.from(valid, 'utf16le'),
    () => Buffer.from(random.pick(['', 'null', '[]', '0', '"text"', '{}', '[[]]', '{"app":', '\0'])),
    () => Buffer.from('['.repeat(random.int(1_000, 100_000))),
    () => Buffer.from(`${'{"app":'.repeat(5_000)}1${'}'.repeat(5_000)}`),
    () => Buffer.from(valid.replace('{', '{"app":"nothing",')),
    () => Buffer.from(valid.replace('}', `,"params":${'{"a":'.repeat(2_000)}1${'}'.repeat(2_000)}}`)),
    () => Buffer.from(random.times(random.int(1, 400), () => random.int(0, 255))),
    () => Buffer.from(JSON.stringify({ ...VALID, padding: 'x'.repeat(300_000) })),
  ])();
}

const STRANGE: readonly unknown[] = [
  ...[null, true, 0, -1, 1.5, 1e308, Number.MAX_SAFE_INTEGER, '', ' ', '3', '\0', '\u001b[31m', '\u202e'],
  ...[
    [],
    {},
    [[]],
    [null],
    { constructor: 1 },
    ['\ud800'],
    'x'.repeat(2_000),
    'x'.repeat(200_000),
    '../..',
    '/',
  ],
];

function hostileFields(random: Random): Record<string, unknown> {
  const change = random.pick<() => Record<string, unknown>>([
    () => ({ inputs: [random.pick(INPUTS)] }),
    () => ({ inputs: [random.pick(INPUTS), READABLE] }),
    () => ({ inputs: Array.from({ length: random.pick([2, 500, 5_000]) }, () => READABLE) }),
    () => ({ output: random.pick(OUTPUTS), ...(random.chance(0.3) ? { overwrite: false } : {}) }),
    () => ({ splitSizeBytes: random.pick([0, 1, 2, -1, 1.5, 2 ** 60, '64MiB', 7]) }),
    () => ({
      reducers: random.pick([0, 1, 10_000, 10_001, 1e9, -1, 0.5, '4']),
      merge: random.pick([true, false]),
    }),
    () => ({
      jobId: random.pick(['', '../x', 'canary', 'x'.repeat(81), 'a/b', '.x', '_JOB', 'constructor']),
    }),
    () => ({
      app: random.pick(['', 'nothing', 'word-coun', 'constructor', '__proto__', 'x'.repeat(200_000), '../a']),
    }),
    () => ({ params: random.pick(PARAMS) }),
    () => ({ [random.pick(FIELDS)]: random.pick(STRANGE) }),
    () => ({ [random.pick(['parms', 'constructor', 'overwrit', '\u202einputs'])]: random.pick(STRANGE) }),
  ])();
  return { ...VALID, ...change };
}

const FIELDS = [
  'app',
  'inputs',
  'output',
  'params',
  'reducers',
  'splitSizeBytes',
  'maxTasks',
  'maxDollars',
  'merge',
  'jobId',
  'overwrite',
];
const INPUTS = [
  ...['work/', 'work/canary/shuffle/', 'work/canary/shuffle/m-00000', 'work/*/shuffle/*', 'w*/**', 'jobs/'],
  ...[
    'jobs/canary/secret.txt',
    'j?bs/**',
    '**',
    '*',
    '{work,data}/**',
    '[w]ork/**',
    'requests/',
    'requests/*.json',
  ],
  ...[
    '../work/',
    'data/../work/',
    './work/',
    '/work/',
    'work//',
    'WORK/',
    'data/hostile/../../work/',
    '\\work/',
  ],
  ...[
    'data/{1..1000000000}',
    `data/${'{a,b}'.repeat(30)}`,
    `data/${'*'.repeat(200)}x`,
    `data/${'a?'.repeat(300)}*b`,
  ],
  ...[
    'data/absent',
    'data/absent/',
    's3://elsewhere/x',
    'file:///etc/passwd',
    '',
    ' ',
    '\0',
    'data/\u202e',
    '_JOB',
  ],
];
const OUTPUTS = [
  ...[
    'output/canary/',
    'output/canary/below/',
    'output/',
    'output//',
    '/',
    '',
    '.',
    'work/x/',
    'jobs/canary/',
  ],
  ...[
    'requests/',
    'input/word-count/',
    'output/../jobs/x/',
    'output/./x/',
    'output/x',
    'output/\0/',
    'output/\u202e/',
  ],
  ...[
    `output/${'x'.repeat(1_100)}/`,
    'output/_temporary/',
    'output/.x/',
    'data/hostile/',
    'output/canary/_JOB/',
  ],
];
const PARAMS: readonly unknown[] = [
  ...[
    { constructor: 'x' },
    { case: 'zzz' },
    { case: 'x'.repeat(100_000) },
    { toString: 1 },
    { case: null },
    [],
  ],
  ...[
    JSON.parse('{"__proto__":"x"}') as object,
    { case: { a: 1 } },
    'case=keep',
    { '': '' },
    { case: 'keep' },
  ],
];
