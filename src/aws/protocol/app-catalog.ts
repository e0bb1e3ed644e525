/**
 * The catalog of a deployment: the names, descriptions and parameters of its apps, and which project deployed them. It is
 * in the comment of the jobs' state machine, after a line for people:
 *
 *     MapReduce: plan, map, barrier, reduce, barrier, commit
 *     {"formatVersion":1,"by":{"project":"logs","jobs":"jobs"},"apps":[{"name":"hits",...}]}
 *
 * It is there because everyone who may submit jobs can already read the machine's definition, with or without the name of
 * the stack, and because it changes together with the functions.
 */
import * as v from 'valibot';
import type { ParameterSpec, ParameterSpecs } from '../../api/job.ts';
import { textFieldOf } from '../../base/field-of.ts';
import { LIMITS } from '../../base/limits.ts';
import { namedValues } from '../../base/named-values.ts';
import { parseJson } from '../../codec/parse-json.ts';

export interface DeployedApp {
  readonly name: string;
  readonly description: string;
  readonly params: ParameterSpecs;
  readonly isMapOnly: boolean;
  readonly inputs: readonly DeployedInput[];
}

export interface DeployedInput {
  /** Absent for the only input of an app. */
  readonly name?: string;
  /** Whether its records are generated, so that it has no files. */
  readonly isGenerated: boolean;
  /** Whether it reads text, so that other formats are refused. */
  readonly isText: boolean;
  /** Whether the format looks at the first bytes itself, and may read text of other encodings. */
  readonly looks: boolean;
}

export interface Deployer {
  /** The name in the package.json above the jobs module; absent if there is none. */
  readonly project?: string;
  /** The jobs module, relative to that package.json, without its extension. */
  readonly jobs: string;
}

export interface AppCatalog {
  readonly by: Deployer;
  readonly apps: readonly DeployedApp[];
}

const MACHINE_COMMENT = 'MapReduce: plan, map, barrier, reduce, barrier, commit';

/** @returns only the first line if the catalog would be too large */
export function commentOf({ by, apps }: AppCatalog): string {
  const comment = `${MACHINE_COMMENT}\n${JSON.stringify({ formatVersion: 1, by, apps })}`;
  return Buffer.byteLength(comment) > LIMITS.appCatalogBytesMax ? MACHINE_COMMENT : comment;
}

/**
 * @param definition  the definition of the jobs' state machine, as JSON
 * @returns undefined if it has no catalog: another version made the deployment, or it has too many apps
 */
export function catalogOf(definition: string): AppCatalog | undefined {
  const comment = textFieldOf(parseJson(definition), 'Comment') ?? '';
  const start = comment.indexOf('\n');
  if (start === -1) return undefined;
  try {
    const parsed = v.safeParse(catalogSchema, parseJson(comment.slice(start + 1)));
    return parsed.success ? { by: parsed.output.by, apps: parsed.output.apps } : undefined;
  } catch {
    return undefined;
  }
}

const specFields = { description: v.string() };
const specSchema = v.variant('type', [
  v.object({
    type: v.literal('string'),
    default: v.exactOptional(v.string()),
    choices: v.exactOptional(v.array(v.string())),
    ...specFields,
  }),
  v.object({ type: v.literal('number'), default: v.exactOptional(v.number()), ...specFields }),
  v.object({ type: v.literal('boolean'), default: v.exactOptional(v.boolean()), ...specFields }),
]);

const catalogSchema = v.object({
  formatVersion: v.literal(1),
  by: v.object({ project: v.exactOptional(v.string()), jobs: v.string() }),
  apps: v.array(
    v.object({
      name: v.string(),
      description: v.string(),
      params: namedValues((spec): spec is ParameterSpec => v.is(specSchema, spec), 'a parameter'),
      isMapOnly: v.boolean(),
      inputs: v.array(
        v.object({
          name: v.exactOptional(v.string()),
          isGenerated: v.boolean(),
          isText: v.boolean(),
          looks: v.boolean(),
        }),
      ),
    }),
  ),
});
