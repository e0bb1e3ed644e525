/**
 * Deliberately broken builds: each changes one place of the sources. The schedules must find every one of them.
 *
 * `node --import mutants.ts` with MAPREDUCE_MUTANT set loads the broken build.
 */
import { registerHooks } from 'node:module';

export interface Mutant {
  /** Relative to the project. */
  readonly file: string;
  /** The text that is replaced, which must occur exactly once. */
  readonly from: string;
  readonly to: string;
  /** Where a test starts to search, because it has little time. */
  readonly knownSeed: number;
}

export const MUTANTS: Readonly<Record<string, Mutant>> = {
  'a barrier that does not count': {
    file: 'src/stages/barrier-result.ts',
    from: 'missing: [...entries.keys()].filter((index) => entries[index] === undefined),',
    to: 'missing: [],',
    knownSeed: 9,
  },
  'an unconditional commit': {
    file: 'src/storage/committed-object.ts',
    from: "{ ifNoneMatch: '*' }",
    to: '{}',
    knownSeed: 7,
  },
  'a retry without deadline': {
    file: 'src/storage/s3/s3-requests.ts',
    from: 'return this.#parts.bounds?.remainingMs?.() ?? Number.POSITIVE_INFINITY;',
    to: 'return Number.POSITIVE_INFINITY;',
    knownSeed: 142,
  },
  'a claim not looked at again': {
    file: 'lambdas/steps/commit.ts',
    from: '  await assertStillOwned(environment, { jobId: id, outputPrefix });\n',
    to: '',
    knownSeed: 104,
  },
  'a repair that forgets the index': {
    file: 'src/stages/map-barrier.ts',
    from: 'await store.put(shuffleIndexKey(layout), index.finish());',
    to: 'if ((await store.head(shuffleIndexKey(layout))) === undefined) await store.put(shuffleIndexKey(layout), index.finish());',
    knownSeed: 117,
  },
};

const name = process.env.MAPREDUCE_MUTANT;
if (name !== undefined) breakBuild(name);

function breakBuild(mutantName: string): void {
  const mutant = MUTANTS[mutantName];
  if (mutant === undefined) throw new Error(`there is no mutant '${mutantName}'`);
  const { file, from, to } = mutant;
  const url = new URL(`../../../${file}`, import.meta.url).href;
  registerHooks({
    load(loaded, context, nextLoad) {
      const result = nextLoad(loaded, context);
      if (loaded !== url) return result;
      const source = String(result.source);
      if (source.split(from).length !== 2)
        throw new Error(`${file} does not contain this exactly once: ${from}`);
      return { ...result, source: source.replace(from, () => to) };
    },
  });
}
