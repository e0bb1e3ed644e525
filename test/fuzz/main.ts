/**
 * `npm run fuzz -- <campaign> [--seed n] [--count n] [--minutes n]`: longer than a test may take. Every case has a seed of
 * its own and can be run again alone; the folder of a case that found something stays.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { fuzzJob } from './jobs.ts';
import { fuzzKill } from './kills.ts';
import { fuzzMutation } from './mutations.ts';
import { Random } from './random.ts';

const CAMPAIGNS = ['jobs', 'kills', 'mutations', 'requests'] as const;
type Campaign = (typeof CAMPAIGNS)[number];
/** What needs no emulator. */
type LocalCampaign = Exclude<Campaign, 'requests'>;
const COUNTS: Readonly<Record<Campaign, number>> = { jobs: 500, kills: 100, mutations: 5_000, requests: 100 };
/** A run of the cases of `kills`; measured once at the start. */
const KILLS_WARM_UP = 3;
/** Of one case; its folder has all. */
const PRINTED_MAX = 4;

interface Options {
  readonly seed: number;
  readonly count?: number;
  readonly minutes: number;
}

const program = new Command('npm run fuzz --')
  .description(
    'Random jobs, damaged bytes, kills, and hostile requests to an emulator, against what must come out.',
  )
  .argument('<campaign>', CAMPAIGNS.join(', '), campaignOf)
  .option('--seed <n>', 'of the first case; the next has the number after', whole, Date.now() % 1_000_000_000)
  .option(
    '--count <n>',
    `cases (default: ${CAMPAIGNS.map((name) => `${name} ${COUNTS[name]}`).join(', ')})`,
    whole,
  )
  .option('--minutes <n>', 'stop after so long', Number, Number.POSITIVE_INFINITY)
  .parse();

const [campaign] = program.processedArgs as [Campaign];
const options = program.opts<Options>();
process.exitCode =
  campaign === 'requests' ? fuzzRequests(options) : (await run(campaign, options)) === 0 ? 0 : 1;

/** Emulators start and stop around the tests of them: this is one of those, with more cases. */
function fuzzRequests({ seed, count = COUNTS.requests }: Options): number {
  const { status } = spawnSync('vitest', ['run', '--project', 'emulator', 'hostile-requests'], {
    stdio: 'inherit',
    env: {
      MAPREDUCE_EMULATORS: 'ministack',
      ...process.env,
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
    if (process.stderr.isTTY) process.stderr.write(`\r${tally.cases} of ${count}, ${tally.found} found\r`);
  }
  if (tally.found === 0) rmSync(root, { recursive: true, force: true });
  const minutesTaken = ((performance.now() - startedMs) / 60_000).toFixed(1);
  const more = {
    jobs: '',
    kills: `, ${tally.fired} killed before they were done`,
    mutations: `, ${tally.fired} damaged, ${tally.failed} failed with a clear error`,
  }[name];
  console.log(
    `${name} from seed ${seed}: ${tally.cases} cases${more}, ${tally.found} found, ${minutesTaken} min`,
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
  if (found === undefined) throw new InvalidArgumentError(`It is one of ${CAMPAIGNS.join(', ')}.`);
  return found;
}

function whole(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new InvalidArgumentError('It must be a whole number.');
  return value;
}
