/**
 * `npm run fuzz -- <campaign> [--seed n] [--count n] [--minutes n]` runs longer than a test may. Each case has its own
 * seed, so it can run again alone. The folder of a case that finds a problem is kept.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { Random } from '../../simulation/random.ts';
import { fuzzJob } from './jobs.ts';
import { fuzzKill } from './kills.ts';
import { fuzzMutation } from './mutations.ts';
import { fuzzMutants, fuzzSchedules } from './schedules/main.ts';

const CAMPAIGNS = ['jobs', 'kills', 'mutations', 'requests', 'schedules', 'mutants'] as const;
type Campaign = (typeof CAMPAIGNS)[number];
/** The campaigns that run case by case in this process. */
type LocalCampaign = 'jobs' | 'kills' | 'mutations';
const COUNTS: Readonly<Record<Campaign, number>> = {
  jobs: 500,
  kills: 100,
  mutations: 5_000,
  requests: 100,
  schedules: 20_000,
  mutants: 1_000,
};
/** The number of runs at the start that measure how long a case of `kills` takes. */
const KILLS_WARM_UP = 3;
/** The number of problems to print for each case. problems.txt in its folder has all of them. */
const PRINTED_MAX = 4;

interface Options {
  readonly seed: number;
  readonly count?: number;
  readonly minutes: number;
}

const program = new Command('npm run fuzz --')
  .description(
    'Compare random jobs with a reference, damage bytes, kill jobs, send hostile requests to an emulator, run jobs in a simulated AWS under schedules of faults, and check that broken builds are found',
  )
  .argument('<campaign>', CAMPAIGNS.join(', '), campaignOf)
  .option(
    '--seed <n>',
    'the seed of the first case; each further case adds one',
    whole,
    Date.now() % 1_000_000_000,
  )
  .option(
    '--count <n>',
    `cases (default: ${CAMPAIGNS.map((name) => `${name} ${COUNTS[name]}`).join(', ')})`,
    whole,
  )
  .option('--minutes <n>', 'stop after this many minutes', Number, Number.POSITIVE_INFINITY)
  .parse();

const [campaign] = program.processedArgs as [Campaign];
const options = program.opts<Options>();
process.exitCode = await exitCodeOf(campaign);

async function exitCodeOf(name: Campaign): Promise<number> {
  const { seed, minutes, count = COUNTS[name] } = options;
  switch (name) {
    case 'requests':
      return fuzzRequests(options);
    case 'schedules':
      return (await fuzzSchedules({ seed, count, minutes })) === 0 ? 0 : 1;
    case 'mutants':
      return (await fuzzMutants({ seed, count, minutes })) === 0 ? 0 : 1;
    default:
      return (await run(name, options)) === 0 ? 0 : 1;
  }
}

/** Runs the emulator test of hostile requests with more cases, because the tests start and stop the emulators. */
function fuzzRequests({ seed, count = COUNTS.requests }: Options): number {
  const { status } = spawnSync('vitest', ['run', '--project', 'emulator', 'hostile-requests'], {
    stdio: 'inherit',
    env: {
      MAPREDUCE_EMULATORS: 'ministack',
      ...process.env,
      MAPREDUCE_EMULATOR_TESTS: 'all',
      MAPREDUCE_FUZZ_REQUESTS: String(count),
      MAPREDUCE_FUZZ_SEED: String(seed),
    },
  });
  return status ?? 1;
}

async function run(name: LocalCampaign, { seed, count = COUNTS[name], minutes }: Options): Promise<number> {
  const root = mkdtempSync(join(tmpdir(), `fuzz-${name}-`));
  const startedMs = performance.now();
  const tally = { cases: 0, found: 0, fired: 0, failed: 0 };
  const typicalMs = name === 'kills' ? await typicalRunMs(root, seed) : 0;
  for (let i = 0; i < count && performance.now() - startedMs < minutes * 60_000; i++) {
    const folder = join(root, String(seed + i));
    mkdirSync(folder);
    const end = await oneCase(name, { folder, random: new Random(seed + i), typicalMs });
    tally.cases += 1;
    tally.fired += end.fired ? 1 : 0;
    tally.failed += end.failed ? 1 : 0;
    if (end.problems.length === 0) {
      rmSync(folder, { recursive: true, force: true });
    } else {
      tally.found += 1;
      writeFileSync(join(folder, 'problems.txt'), end.problems.join('\n'));
      console.log(
        `${name} --seed ${seed + i} --count 1: ${end.problems.slice(0, PRINTED_MAX).join('\n    ')}\n    in ${folder}`,
      );
    }
    if (process.stderr.isTTY)
      process.stderr.write(`\r${tally.cases} of ${count} cases, ${tally.found} with problems\r`);
  }
  if (tally.found === 0) rmSync(root, { recursive: true, force: true });
  const minutesTaken = ((performance.now() - startedMs) / 60_000).toFixed(1);
  const more = {
    jobs: '',
    kills: `, ${tally.fired} killed before they ended`,
    mutations: `, ${tally.fired} damaged, ${tally.failed} failed with a clear error`,
  }[name];
  console.log(
    `${name} from seed ${seed}: ${tally.cases} cases${more}, ${tally.found} with problems, ${minutesTaken} min`,
  );
  return tally.found;
}

async function oneCase(
  name: LocalCampaign,
  { folder, random, typicalMs }: { folder: string; random: Random; typicalMs: number },
): Promise<{ problems: string[]; fired?: boolean; failed?: boolean }> {
  try {
    if (name === 'jobs') return { problems: await fuzzJob(folder, random) };
    if (name === 'kills') return await fuzzKill(folder, random, typicalMs);
    return await fuzzMutation(folder, random);
  } catch (error) {
    return { problems: [error instanceof Error ? (error.stack ?? error.message) : String(error)] };
  }
}

async function typicalRunMs(root: string, seed: number): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < KILLS_WARM_UP; i++) {
    const folder = join(root, `warm-up-${i}`);
    mkdirSync(folder);
    const startedMs = performance.now();
    await fuzzJob(folder, new Random(seed + i));
    times.push(performance.now() - startedMs);
    rmSync(folder, { recursive: true, force: true });
  }
  return Math.min(...times);
}

function campaignOf(text: string): Campaign {
  const found = CAMPAIGNS.find((name) => name === text);
  if (found === undefined) throw new InvalidArgumentError(`It must be one of ${CAMPAIGNS.join(', ')}.`);
  return found;
}

function whole(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new InvalidArgumentError('It must be a whole number.');
  return value;
}
