/** The settings of `cdk deploy -c name=value`. Their values are text. CDK does not report names that nobody reads. */
import * as v from 'valibot';

const number = v.pipe(
  v.union([v.string(), v.number()]),
  v.check(
    (typed) => String(typed).trim() !== '' && Number.isFinite(Number(typed)),
    ({ input }) => `is a number; received '${input}'`,
  ),
  v.transform(Number),
);

const choice = <const C extends readonly [string, string]>(choices: C) =>
  v.picklist(choices, ({ input }) => `is '${choices.join("' or '")}'; received '${input}'`);

const flag = v.pipe(
  v.union([v.string(), v.boolean()]),
  v.transform(String),
  choice(['true', 'false']),
  v.transform((typed) => typed === 'true'),
);

/** `lake/,data/`. The construct checks the prefixes. */
const list = v.pipe(
  v.string(),
  v.transform((typed) => typed.split(',').map((item) => item.trim())),
);

const contextSchema = v.object({
  stackName: v.optional(
    v.pipe(
      v.string(),
      v.regex(
        /^[A-Za-z][A-Za-z0-9-]{0,127}$/,
        ({ input }) =>
          `is up to 128 letters, digits and dashes, and starts with a letter; received '${input}'`,
      ),
    ),
    'MapReduce',
  ),
  jobs: v.exactOptional(v.string()),
  taskMemoryMb: v.exactOptional(number),
  stepMemoryMb: v.exactOptional(number),
  taskTimeoutSeconds: v.exactOptional(number),
  scratchSizeMb: v.exactOptional(number),
  maxConcurrency: v.exactOptional(number),
  reservedConcurrency: v.exactOptional(number),
  maxTasksPerStage: v.exactOptional(number),
  childExecutions: v.exactOptional(choice(['STANDARD', 'EXPRESS'])),
  backupAttempts: v.exactOptional(flag),
  startOnUpload: v.exactOptional(flag),
  readablePrefixes: v.exactOptional(list),
  intermediatesExpireAfterDays: v.exactOptional(number),
  jobsExpireAfterDays: v.exactOptional(number),
  logRetentionDays: v.exactOptional(number),
  removalPolicy: v.exactOptional(choice(['retain', 'destroy'])),
});

/** Units are at the end of the names. `MapReduceProps` says what the settings mean. */
export type AppContext = v.InferOutput<typeof contextSchema>;

// The cast: Object.keys() forgets the names.
export const CONTEXT_NAMES = Object.keys(contextSchema.entries) as readonly (keyof AppContext)[];

/**
 * @param get  returns the value of a setting, undefined where it is not given
 * @throws Error that names the setting and its choices
 */
export function parseContext(get: (name: string) => unknown): AppContext {
  const given = Object.fromEntries(
    CONTEXT_NAMES.map((name) => [name, get(name)]).filter(([, value]) => value !== undefined),
  );
  const parsed = v.safeParse(contextSchema, given);
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  throw new Error(`-c ${v.getDotPath(issue)} ${issue.message}`);
}
