/**
 * Which names belong to which of the job's inputs. A job with one input has a list of names, and a job with several inputs
 * names the input of each: `--input users=u.jsonl --input events=logs/`, or an object of lists.
 */
import { MapReduceError } from '../../base/errors.ts';
import { nearestName } from '../../base/nearest-name.ts';

/** A job's input, as described without the job's code. */
export interface InputShape {
  /** Undefined for the only input of a job. */
  readonly name?: string | undefined;
  /** Whether its records are generated, so that it has no files. */
  readonly isGenerated: boolean;
}

export type InputNames = readonly string[] | Readonly<Record<string, readonly string[]>>;

/** Whether the name may begin with the name of an input. It may also be a path, such as `dt=2026-01-01/`. */
export function mayNameInput(name: string): boolean {
  return NAMED.test(name);
}

const NAMED = /^([A-Za-z][A-Za-z0-9_-]*)=(.*)$/s;

/**
 * @returns the names of each input, in the job's order; none for generated input
 * @throws UsageError for an input without names, names without an input, and names of generated input
 */
export function namesOfInputs(
  job: { readonly name: string; readonly inputs: readonly InputShape[] },
  given: InputNames,
): string[][] {
  const [only] = job.inputs;
  if (only !== undefined && only.name === undefined) return [namesOfOnly(job.name, only, given)];
  const names = new Map<string, string[]>(job.inputs.map(({ name }) => [name!, []]));
  for (const [input, value] of pairsOf(job, given)) {
    const list = names.get(input);
    if (list === undefined) throw unknownInput(job, input);
    list.push(value);
  }
  return job.inputs.map(({ name, isGenerated }) => {
    const values = names.get(name!)!;
    if (isGenerated && values.length > 0) {
      throw usage(
        job.name,
        `generates its input '${name}', so it takes no files for it. Remove --input ${name}=...`,
      );
    }
    if (!isGenerated && values.length === 0) {
      throw usage(
        job.name,
        `needs files for its input '${name}'. Name them with --input ${name}=<file, folder or glob> (in a request: "inputs": {"${name}": [...]})`,
      );
    }
    return values;
  });
}

function namesOfOnly(job: string, { isGenerated }: InputShape, given: InputNames): string[] {
  if (!isList(given)) {
    const [name = ''] = Object.keys(given);
    throw usage(job, `has one input, without a name; received one named '${name}'. Give a list of names`);
  }
  if (isGenerated && given.length > 0) {
    throw usage(job, `generates its input, so it takes no --input; received '${given[0]}'. Remove it`);
  }
  if (!isGenerated && given.length === 0)
    throw usage(job, 'needs input. Name files, folders or globs with --input (in a request: "inputs")');
  return [...given];
}

function* pairsOf(
  job: { readonly name: string; readonly inputs: readonly InputShape[] },
  given: InputNames,
): Generator<[input: string, value: string]> {
  if (!isList(given)) {
    for (const [input, values] of Object.entries(given)) for (const value of values) yield [input, value];
    return;
  }
  for (const text of given) {
    const match = NAMED.exec(text);
    if (match === null) {
      const forms = job.inputs.filter(({ isGenerated }) => !isGenerated).map(({ name }) => `${name}=<path>`);
      throw usage(
        job.name,
        `has several inputs, so each --input names one: ${forms.join(' or ')}; received '${text}'`,
      );
    }
    yield [match[1]!, match[2]!];
  }
}

function unknownInput(
  job: { readonly name: string; readonly inputs: readonly InputShape[] },
  input: string,
): MapReduceError {
  const names = job.inputs.map(({ name }) => name!);
  const nearest = nearestName(input, names);
  const hint = nearest === undefined ? '' : ` Did you mean '${nearest}'?`;
  return usage(job.name, `has no input '${input}'; its inputs are ${names.join(', ')}.${hint}`);
}

function isList(given: InputNames): given is readonly string[] {
  return Array.isArray(given);
}

function usage(job: string, rule: string): MapReduceError {
  return new MapReduceError('UsageError', `job '${job}' ${rule}`, { details: { jobName: job } });
}
