/**
 * Makes the source text of a random job, and computes its expected result without the engine. The user functions are
 * the same text in both; the reference otherwise uses only sorts and maps of the language.
 */
import type { Random } from '../../simulation/random.ts';

export interface RandomJob {
  /** The source of a module that exports the job. */
  readonly source: string;
  readonly extension: 'tsv' | 'jsonl';
  readonly isMapOnly: boolean;
  readonly partition: 'hash' | 'range' | 'custom';
  /** The expected output for these lines: groups in the order of keys, or one group in the order of the input. */
  expected(lines: readonly string[]): ExpectedGroup[];
}

export interface ExpectedGroup {
  readonly lines: readonly string[];
  /** The part to which a custom partition function assigns the group, given the number of partitions. */
  readonly partOf: (partitions: number) => number;
}

type Key = string | number | readonly [string, number];
type Value = string | number | object;

interface KeyKind {
  /** The `key` of the job definition. */
  readonly type: string;
  /** The expression that computes it from a `token`. */
  readonly of: string;
}

interface ValueKind extends KeyKind {
  readonly reduces: readonly ReduceKind[];
}

interface ReduceKind {
  readonly combine?: string;
  readonly reduce: string;
  /** Computes the results from all values of a key. */
  readonly naive: (values: readonly Value[]) => Value[];
}

const KEYS: readonly KeyKind[] = [
  { type: "'string'", of: 'token' },
  { type: "'number'", of: '((token.length * 7 + (token.charCodeAt(0) || 0)) % 23 - 11) / 2 + 0' },
  { type: "['string', 'number']", of: "[[...token][0] ?? '', token.length]" },
];

const sum = (values: readonly Value[]) => (values as number[]).reduce((total, value) => total + value, 0);
const JOINED =
  "(key, values, { emit }) => { let all = ''; for (const value of values) all = all.length < 300 ? all + value + ',' : all; emit(key, all); }";
const REEMITTED = '(key, values, { emit }) => { for (const value of values) emit(key, value); }';
const FIRST = '(key, values, { emit }) => { for (const value of values) { emit(key, value); break; } }';
const LONGEST = '(a, b) => (b.length > a.length ? b : a)';

const NUMBER_REDUCES: readonly ReduceKind[] = [
  { reduce: "'sum'", naive: (values) => [sum(values)] },
  { combine: "'sum'", reduce: "'sum'", naive: (values) => [sum(values)] },
  { combine: "'max'", reduce: "'max'", naive: (values) => [Math.max(...(values as number[]))] },
  { combine: "'min'", reduce: "'combined'", naive: (values) => [Math.min(...(values as number[]))] },
  { reduce: "'count'", naive: (values) => [values.length] },
  { reduce: "'each'", naive: (values) => [...values] },
  { reduce: FIRST, naive: (values) => [values[0]!] },
];
const STRING_REDUCES: readonly ReduceKind[] = [
  {
    reduce: JOINED,
    naive: (values) => [
      values.reduce<string>((all, value) => (all.length < 300 ? `${all}${value},` : all), ''),
    ],
  },
  {
    combine: LONGEST,
    reduce: "'combined'",
    naive: (values) => [(values as string[]).reduce((a, b) => (b.length > a.length ? b : a))],
  },
  // This combiner is associative but not commutative, and its result grows, so every fold must keep the order of the
  // input.
  { combine: '(a, b) => a + b', reduce: "'combined'", naive: (values) => [(values as string[]).join('')] },
  { reduce: "'each'", naive: (values) => [...values] },
  { reduce: FIRST, naive: (values) => [values[0]!] },
];
const JSON_REDUCES: readonly ReduceKind[] = [
  { reduce: REEMITTED, naive: (values) => [...values] },
  { reduce: "'each'", naive: (values) => [...values] },
  {
    combine: '(a, b) => ({ ...a, ...b })',
    reduce: "'combined'",
    naive: (values) => [Object.fromEntries((values as object[]).flatMap(Object.entries))],
  },
];

const VALUES: readonly ValueKind[] = [
  { type: "'number'", of: 'token.length - 3', reduces: NUMBER_REDUCES },
  { type: "'string'", of: "token.slice(0, 0) + line.length + '/' + token", reduces: STRING_REDUCES },
  { type: 'json()', of: '{ n: line.length, [token]: token }', reduces: JSON_REDUCES },
];

const PARTITION = '(key, partitions) => String(key).length % partitions';

export function randomJob(random: Random): RandomJob {
  const key = random.pick(KEYS);
  const value = random.weighted<ValueKind>([
    [3, VALUES[0]!],
    [3, VALUES[1]!],
    [2, VALUES[2]!],
  ]);
  const isMapOnly = random.chance(0.1);
  const reduce = random.pick(value.reduces);
  const partition = isMapOnly ? 'hash' : random.pick(['hash', 'hash', 'range', 'custom'] as const);
  const extension = value.type === 'json()' ? 'jsonl' : random.pick(['tsv', 'jsonl'] as const);
  const makeKey = compile(key.of);
  const makeValue = compile(value.of);
  const format = extension === 'tsv' ? tsvLine : jsonLine;

  const shuffle = [
    `  key: ${key.type},`,
    `  value: ${value.type},`,
    ...(reduce.combine === undefined ? [] : [`  combine: ${reduce.combine},`]),
    ...(partition === 'range' ? ['  partition: byRange(),'] : []),
    ...(partition === 'custom' ? [`  partition: ${PARTITION},`] : []),
    `  reduce: ${reduce.reduce},`,
  ];
  return {
    source: [
      "import { byRange, defineJob, json, jsonPairs, textLines, tsv } from 'serverless-mapreduce';",
      '',
      'export default defineJob({',
      "  name: 'fuzzed',",
      "  description: 'A job made by the fuzzer',",
      '  input: textLines(),',
      ...(isMapOnly ? [] : shuffle),
      '  map(line, { emit }) {',
      `    for (const token of line.split(' ')) emit(${key.of}, ${value.of});`,
      '  },',
      `  output: ${extension === 'tsv' ? 'tsv()' : 'jsonPairs()'},`,
      '});',
      '',
    ].join('\n'),
    extension,
    isMapOnly,
    partition,
    expected(lines) {
      const emitted = lines.flatMap((line) =>
        line
          .split(' ')
          .map((token) => [makeKey(token, line) as Key, makeValue(token, line) as Value] as const),
      );
      if (isMapOnly) {
        return [{ lines: emitted.map(([k, v]) => format(k, v)), partOf: () => 0 }];
      }
      const groups = new Map<string, { key: Key; values: Value[] }>();
      for (const [k, v] of emitted) {
        const name = JSON.stringify(k);
        const group = groups.get(name);
        if (group === undefined) groups.set(name, { key: k, values: [v] });
        else group.values.push(v);
      }
      return [...groups.values()]
        .sort((a, b) => compareKeys(a.key, b.key))
        .map(({ key: k, values }) => ({
          lines: reduce.naive(values).map((v) => format(k, v)),
          partOf: (partitions) => String(k).length % partitions,
        }));
    },
  };
}

function compile(expression: string): (token: string, line: string) => unknown {
  // The same text as in the module of the job.
  return new Function('token', 'line', `return (${expression});`) as (token: string, line: string) => unknown;
}

function compareKeys(a: Key, b: Key): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  if (typeof a === 'string' && typeof b === 'string') return Buffer.compare(Buffer.from(a), Buffer.from(b));
  const [textA, numberA] = a as readonly [string, number];
  const [textB, numberB] = b as readonly [string, number];
  return compareKeys(textA, textB) || numberA - numberB;
}

const ESCAPES: Readonly<Record<string, string>> = { '\t': '\\t', '\n': '\\n', '\r': '\\r', '\\': '\\\\' };

function tsvLine(key: Key, value: Value): string {
  const cells = [...(Array.isArray(key) ? key : [key]), value];
  return cells.map((cell) => String(cell).replaceAll(/[\t\n\r\\]/g, (c) => ESCAPES[c]!)).join('\t');
}

function jsonLine(key: Key, value: Value): string {
  return `{"key":${JSON.stringify(key)},"value":${JSON.stringify(value)}}`;
}
