/**
 * Runs one random job on random input through the command, in its own folder, and compares the result with the
 * expected one:
 *
 *     <case>/job.ts            the job                     <case>/home, tmp    HOME and TMPDIR of the run
 *     <case>/failing.ts        the same, but map throws    <case>/elsewhere    target of links in the output
 *     <case>/in/...            its input
 *     <case>/out/              the output, with files of others
 */
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Random } from '../../simulation/random.ts';
import { cleanEnvironment } from '../cli/cli-process.ts';
import { changed, type Snapshot, snapshot } from './files-on-disk.ts';
import { type InputFile, randomInput, writeInput } from './random-input.ts';
import { type ExpectedGroup, type RandomJob, randomJob } from './random-job.ts';

/** Files of others in the output folder: of a Spark job, of a web app, of a person. */
const STRANGERS: Readonly<Record<string, string>> = {
  'notes.txt': 'mine',
  '_temporary/0/task_1/part-r-00000.tsv': "Spark's\n",
  'data/part-r-00000.tsv': "another's\n",
  'part-r-00000.bak': 'mine',
};

const THROWING_MAP = "map(line, { emit }) {\n    if (line.length >= 0) throw new Error('no');";

export interface FuzzCase {
  readonly folder: string;
  readonly output: string;
  readonly job: RandomJob;
  readonly files: readonly InputFile[];
  readonly expected: readonly ExpectedGroup[];
  readonly merges: boolean;
  readonly reducers: number | undefined;
  /** The arguments of `mapreduce`, without --overwrite. */
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly before: Snapshot;
}

export function makeCase(folder: string, random: Random, options: { linesMax?: number } = {}): FuzzCase {
  const job = randomJob(random);
  const files = randomInput(random, options);
  const output = join(folder, 'out');
  for (const name of ['home', 'tmp', 'elsewhere', 'in', 'out'])
    mkdirSync(join(folder, name), { recursive: true });
  writeFileSync(join(folder, 'job.ts'), job.source);
  writeFileSync(join(folder, 'failing.ts'), job.source.replace('map(line, { emit }) {', THROWING_MAP));
  writeFileSync(join(folder, 'elsewhere', 'kept.txt'), 'kept');
  writeInput(join(folder, 'in'), files);
  writeFileSync(join(folder, 'in', '_hidden.txt'), 'not input\n');
  if (random.chance(0.7)) {
    for (const [path, text] of Object.entries(STRANGERS)) {
      mkdirSync(dirname(join(output, path)), { recursive: true });
      writeFileSync(join(output, path), text);
    }
    symlinkSync('../elsewhere', join(output, 'link'));
  }
  const named = namesOf(files, random);
  const merges = random.chance(0.3);
  const reducers = job.isMapOnly || random.chance(0.4) ? undefined : random.int(1, 6);
  const options_ = [
    ...random.pick([['--sequential'], ['--workers', '1'], ['--workers', '2'], ['--workers', '3']]),
    ...random.pick([[], ['--split-size', String(random.int(40, 400))], ['--split-size', '5000']]),
    ...random.pick([[], ['--memory', '32MiB'], ['--memory', '64MiB']]),
    ...(merges ? ['--merge'] : []),
    ...(reducers === undefined ? [] : ['--reducers', String(reducers)]),
  ];
  return {
    folder,
    output,
    job,
    files,
    expected: job.expected(named.files.flatMap(({ lines }) => lines)),
    merges,
    reducers,
    args: ['run', './job.ts', '--input', ...named.inputs, '--output', 'out', ...options_],
    env: cleanEnvironment({
      HOME: join(folder, 'home'),
      TMPDIR: join(folder, 'tmp'),
      XDG_CACHE_HOME: join(folder, 'home', '.cache'),
    }),
    before: snapshot(folder),
  };
}

/** Names the inputs as a folder, as a glob, or file by file in any order, which sets the order of the records. */
function namesOf(
  files: readonly InputFile[],
  random: Random,
): { inputs: string[]; files: readonly InputFile[] } {
  const sorted = files.toSorted((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)));
  const way = random.pick(['folder', 'glob', 'names'] as const);
  if (way === 'folder') return { inputs: ['in'], files: sorted };
  if (way === 'glob') return { inputs: ['in/**/f*'], files: sorted };
  const shuffled = random.shuffled(files);
  return { inputs: shuffled.map(({ path }) => `in/${path}`), files: shuffled };
}

/** Checks a run that succeeded, and returns the problems it finds. */
export function problemsOf(fuzzed: FuzzCase): string[] {
  return [...resultProblems(fuzzed), ...touchedProblems(fuzzed)];
}

export function resultProblems({ output, job, expected, merges, reducers }: FuzzCase): string[] {
  const names = readdirSync(output)
    .filter((name) => /^(part-[mr]-\d+|merged)\.(tsv|jsonl)$/.test(name))
    .sort();
  const problems: string[] = [];
  if (!readdirSync(output).includes('_SUCCESS')) problems.push('no _SUCCESS');
  if (merges && names.join() !== `merged.${job.extension}`)
    problems.push(`expected one merged file; found ${names}`);
  if (!merges && reducers !== undefined && names.length !== reducers) {
    problems.push(`${names.length} parts for ${reducers} reducers`);
  }
  const parts = names.map((name) => linesOf(readFileSync(join(output, name), 'utf8')));
  if (job.isMapOnly || merges || job.partition === 'range') {
    const wanted = expected.flatMap(({ lines }) => lines);
    return [...problems, ...differences(parts.flat(), wanted)];
  }
  return [...problems, ...groupProblems(parts, { expected, isCustom: job.partition === 'custom' })];
}

/**
 * Every group must be complete and in one part, with its lines in order. The groups must be in the order of their keys,
 * and in the right part if the partition function is known.
 */
function groupProblems(
  parts: readonly (readonly string[])[],
  { expected, isCustom }: { expected: readonly ExpectedGroup[]; isCustom: boolean },
): string[] {
  const groupOf = new Map(
    expected.flatMap(({ lines }, group) => lines.map((line) => [line, group] as const)),
  );
  const seen = new Set<number>();
  const problems: string[] = [];
  for (const [index, part] of parts.entries()) {
    const groups = [...new Set(part.map((line) => groupOf.get(line) ?? -1))];
    if (groups.includes(-1)) {
      problems.push(`part ${index} has an unexpected line: ${part.find((line) => !groupOf.has(line))}`);
      continue;
    }
    for (const group of groups) {
      if (seen.has(group)) problems.push(`a key is in two parts: ${expected[group]!.lines[0]}`);
      seen.add(group);
      const right = expected[group]!.partOf(parts.length);
      if (isCustom && right !== index) problems.push(`a key is in part ${index} instead of part ${right}`);
    }
    const wanted = groups.toSorted((a, b) => a - b).flatMap((group) => expected[group]!.lines);
    problems.push(...differences(part, wanted));
  }
  const withLines = expected.filter(({ lines }) => lines.length > 0).length;
  if (seen.size !== withLines) problems.push(`${seen.size} keys instead of ${withLines}`);
  return problems;
}

function differences(got: readonly string[], wanted: readonly string[]): string[] {
  const length = Math.max(got.length, wanted.length);
  for (let i = 0; i < length; i++) {
    if (got[i] !== wanted[i]) {
      const show = (line: string | undefined) =>
        line === undefined ? 'nothing' : JSON.stringify(line.slice(0, 200));
      return [`line ${i} of ${wanted.length} is ${show(got[i])} instead of ${show(wanted[i])}`];
    }
  }
  return [];
}

/** Reports the files outside the result that the run created, changed or removed. */
export function touchedProblems({ folder, before }: FuzzCase): string[] {
  const isResult =
    /^out\/(part-[mr]-\d+\.(tsv|jsonl)|merged\.(tsv|jsonl)|manifest\.json|_SUCCESS|_attempts\.jsonl\.gz) is new$/;
  return changed(before, snapshot(folder), ['home/.cache'])
    .filter((line) => !isResult.test(line))
    .map((line) => `outside the result: ${line}`);
}

function linesOf(text: string): string[] {
  return text === '' ? [] : text.replace(/\n$/, '').split('\n');
}
