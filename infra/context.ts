/** Settings of `cdk deploy -c name=value`. Context is text; names that nobody knows are not reported by CDK. */
import * as v from 'valibot';

const number = v.pipe(
  v.union([v.string(), v.number()]),
  v.transform(Number),
  v.number(({ received }) => `is a number; received ${received}`),
);

const contextSchema = v.object({
  stackName: v.optional(
    v.pipe(
      v.string(),
      v.regex(/^[A-Za-z][A-Za-z0-9-]{0,127}$/, 'is letters, digits and dashes, a letter first'),
    ),
    'MapReduce',
  ),
  jobs: v.exactOptional(v.string()),
  taskMemoryMb: v.exactOptional(number),
  stepMemoryMb: v.exactOptional(number),
  taskTimeoutSeconds: v.exactOptional(number),
  scratchSizeMb: v.exactOptional(number),
  maxConcurrency: v.exactOptional(number),
  childExecutions: v.exactOptional(v.picklist(['STANDARD', 'EXPRESS'], "is 'STANDARD' or 'EXPRESS'")),
  removalPolicy: v.exactOptional(v.picklist(['retain', 'destroy'], "is 'retain' or 'destroy'")),
});

export type AppContext = v.InferOutput<typeof contextSchema>;

/** @throws Error that names the setting and its choices */
export function parseContext(get: (name: string) => unknown): AppContext {
  const given = Object.fromEntries(
    Object.keys(contextSchema.entries)
      .map((name) => [name, get(name)])
      .filter(([, value]) => value !== undefined),
  );
  const parsed = v.safeParse(contextSchema, given);
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  throw new Error(`-c ${v.getDotPath(issue)}: ${issue.message}`);
}
