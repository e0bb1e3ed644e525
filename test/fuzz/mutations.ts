/**
 * Damages the bytes of a compressed input, or of a file that the job has written and will read. The result must be
 * correct, or the job must fail with a MapReduceError that reports the damage.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import type { Random } from '../../simulation/random.ts';
import { isMapReduceError } from '../../src/base/errors.ts';
import { runEmbedded } from '../../src/local/run/embedded-run.ts';
import type { EmbeddedRunOptions } from '../../src/local/run/run-options.ts';
import { randomWord } from './random-input.ts';

const HANG_MS = 60_000;
const JOB = new URL('./mutated-job.ts', import.meta.url);

export interface MutationEnd {
  readonly problems: string[];
  /** Whether bytes were damaged: some jobs end before. */
  readonly fired: boolean;
  readonly failed: boolean;
}

export function fuzzMutation(folder: string, random: Random): Promise<MutationEnd> {
  return random.chance(0.3) ? mutateInput(folder, random) : mutateIntermediate(folder, random);
}

async function mutateInput(folder: string, random: Random): Promise<MutationEnd> {
  const text = randomText(random);
  const codec = random.pick([
    { suffix: '.gz', compress: gzipSync, decompress: gunzipSync },
    { suffix: '.zst', compress: zstdCompressSync, decompress: zstdDecompressSync },
  ]);
  const whole = codec.compress(Buffer.from(text));
  const bytes = mutate(whole, random);
  mkdirSync(join(folder, 'in'), { recursive: true });
  writeFileSync(join(folder, 'in', `a${codec.suffix}`), bytes);
  const end = await run(folder, random);
  if (end.error !== undefined) return { problems: errorProblems(end.error), fired: true, failed: true };
  let right: string | undefined;
  try {
    right = codec.decompress(bytes).toString();
  } catch {
    // No reader can decompress it, so no job may succeed.
  }
  const problems =
    right === undefined
      ? ['the job succeeded with an input that cannot be decompressed']
      : resultProblems(folder, naiveCounts(right));
  return { problems, fired: !bytes.equals(whole), failed: false };
}

async function mutateIntermediate(folder: string, random: Random): Promise<MutationEnd> {
  const texts = random.times(random.int(1, 4), () => randomText(random));
  mkdirSync(join(folder, 'in'), { recursive: true });
  for (const [index, text] of texts.entries()) writeFileSync(join(folder, 'in', `${index}.txt`), text);
  let left = random.int(1, 14);
  let fired = false;
  const end = await run(folder, random, (event) => {
    if (event.kind === 'committed' || fired) return;
    left -= 1;
    if (left <= 0) fired = damageOne(join(folder, 'out'), random);
  });
  if (end.error !== undefined) return { problems: errorProblems(end.error), fired, failed: true };
  return { problems: resultProblems(folder, naiveCounts(texts.join(''))), fired, failed: false };
}

/** Damages a shuffle object, the index, or a run of the merged result. */
function damageOne(output: string, random: Random): boolean {
  if (!existsSync(output)) return false;
  const intermediates = readdirSync(output, { recursive: true, encoding: 'utf8' }).filter(
    (path) =>
      /(^|\/)(shuffle\/m-\d+|shuffle-index|merge\/[mr]-\d+)$/.test(path) && isFile(join(output, path)),
  );
  if (intermediates.length === 0) return false;
  const path = join(output, random.pick(intermediates));
  if (random.chance(0.1)) {
    rmSync(path, { force: true });
    return true;
  }
  try {
    writeFileSync(path, mutate(readFileSync(path), random));
  } catch {
    return false; // The job has just removed it.
  }
  return true;
}

function mutate(bytes: Buffer, random: Random): Buffer {
  const copy = Buffer.from(bytes);
  if (copy.length === 0) return Buffer.from([random.int(0, 255)]);
  const at = random.int(0, copy.length - 1);
  switch (random.pick(['bit', 'bit', 'byte', 'truncate', 'extend', 'zero', 'repeat', 'empty'] as const)) {
    case 'bit':
      copy[at]! ^= 1 << random.int(0, 7);
      return copy;
    case 'byte':
      copy[at] = random.int(0, 255);
      return copy;
    case 'truncate':
      return copy.subarray(0, at);
    case 'extend':
      return Buffer.concat([copy, Buffer.from(random.times(random.int(1, 20), () => random.int(0, 255)))]);
    case 'zero':
      return copy.fill(0, at, Math.min(copy.length, at + random.int(1, 64)));
    case 'repeat':
      return Buffer.concat([copy.subarray(0, at), copy]);
    case 'empty':
      return Buffer.alloc(0);
  }
}

async function run(
  folder: string,
  random: Random,
  onEvent?: EmbeddedRunOptions['onEvent'],
): Promise<{ error?: unknown }> {
  let timer: NodeJS.Timeout | undefined;
  const hang = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('hangs')), HANG_MS);
  });
  const job = runEmbedded({
    jobModule: JOB,
    inputs: [join(folder, 'in')],
    output: join(folder, 'out'),
    workers: random.pick([1, 2]),
    reducers: random.int(1, 4),
    splitSizeBytes: random.pick([100, 1_000, 100_000]),
    merge: random.chance(0.4),
    attemptsMax: 2,
    ...(onEvent ? { onEvent } : {}),
  });
  try {
    await Promise.race([job, hang]);
    return {};
  } catch (error) {
    return { error };
  } finally {
    clearTimeout(timer);
  }
}

function errorProblems(error: unknown): string[] {
  if (isMapReduceError(error)) {
    return /undefined|NaN|\[object/.test(error.message) ? [`an unclear message: ${error.message}`] : [];
  }
  return [`not a MapReduceError: ${error instanceof Error ? (error.stack ?? error.message) : error}`];
}

function resultProblems(folder: string, expected: ReadonlyMap<string, number>): string[] {
  const output = join(folder, 'out');
  const names = readdirSync(output).filter((name) => /^(part-r-\d+|merged)\.tsv$/.test(name));
  const got = new Map<string, number>();
  for (const name of names) {
    for (const line of readFileSync(join(output, name), 'utf8').split('\n').slice(0, -1)) {
      const [escaped, count] = line.split('\t');
      const word = unescaped(escaped!);
      if (got.has(word)) return [`${word} occurs in two lines`];
      got.set(word, Number(count));
    }
  }
  if (got.size !== expected.size) return [`${got.size} words instead of ${expected.size}`];
  const wrong = [...expected].find(([word, count]) => got.get(word) !== count);
  return wrong === undefined ? [] : [`${wrong[0]} has the count ${got.get(wrong[0])} instead of ${wrong[1]}`];
}

/** Damage may create a backslash, which TSV writes as two. */
function unescaped(field: string): string {
  const meanings: Readonly<Record<string, string>> = { t: '\t', n: '\n', r: '\r', '\\': '\\' };
  return field.replaceAll(/\\(.)/g, (_, letter: string) => meanings[letter] ?? letter);
}

function naiveCounts(text: string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const word of text.split(/\s+/)) if (word !== '') counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}

function randomText(random: Random): string {
  const word = () =>
    random.pick([randomWord(random).replaceAll(/[\s\\]/g, '_') || '-', `w${random.int(0, 50)}`]);
  return random
    .times(random.int(1, 120), () => `${random.times(random.int(1, 8), word).join(' ')}\n`)
    .join('');
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}
