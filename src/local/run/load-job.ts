/** Loads a job module and explains what is wrong with it. */
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Job, JobShuffle } from '../../api/job.ts';
import { describeJob, type JobDescription } from '../../api/job-description.ts';
import { MapReduceError } from '../../base/errors.ts';
import { nearestName } from '../../base/nearest-name.ts';
import { isInstance, textOf, thrownFields } from '../../base/thrown.ts';
import { resolveSelf } from './resolve-self.ts';

export interface LoadedJob {
  /** A plain copy, so that the user's getters and proxies no longer run. */
  readonly job: Job;
  readonly description: JobDescription;
}

/** @throws JobDefinitionError if the file is missing, does not load, exports no job, or throws while its export is read */
export async function loadJob(url: URL): Promise<LoadedJob> {
  resolveSelf();
  const path = url.protocol === 'file:' ? fileURLToPath(url) : url.href;
  if (url.protocol === 'file:') await checkFile(path);
  const module = await importJob(url, path);
  try {
    const job = copyOf(jobIn(module, path));
    // The description goes to another thread. A value that cannot be cloned is an error of the definition.
    const description = structuredClone(describeJob(job));
    return { job, description };
  } catch (error) {
    throw asDefinitionError(error, (thrown) => ({
      message: `the job module ${path} threw while its default export was read: ${thrown}. Define the job with plain values, not with getters or a Proxy that throw`,
      userStack: thrownFields(error).stack,
    }));
  }
}

function jobIn(module: Record<string, unknown>, path: string): Job {
  if (!('default' in module)) {
    const others = Object.keys(module);
    throw new MapReduceError(
      'JobDefinitionError',
      `${path} has no default export${others.length === 0 ? '' : ` (it exports ${others.join(', ')})`}. A job module ends in: export default defineJob({ ... })`,
    );
  }
  const exported = module.default;
  if (isJob(exported)) return exported;
  // Compilers turn `export default` into module.exports.default for CommonJS.
  const inner =
    typeof exported === 'object' && exported !== null && 'default' in exported && exported.default;
  if (isJob(inner)) return inner;
  throw new MapReduceError(
    'JobDefinitionError',
    `the default export of ${path} is ${describe(exported)}, not a job. Pass the definition through defineJob: export default defineJob({ ... }), or in CommonJS module.exports = defineJob({ ... })`,
  );
}

function copyOf({ name, description, inputs, onBadRecord, params, setup, output, shuffle }: Job): Job {
  return {
    name,
    description,
    inputs: inputs.map((input) => ({ name: input.name, source: input.source, map: input.map })),
    onBadRecord,
    params,
    setup,
    output,
    shuffle: shuffle && copyOfShuffle(shuffle),
  };
}

function copyOfShuffle({ key, value, combine, partition, reduce, reducers }: JobShuffle): JobShuffle {
  return { key, value, combine, partition, reduce, reducers };
}

/** Turns an error that the module's own code threw into a JobDefinitionError. Errors of defineJob() are passed on unchanged. */
function asDefinitionError(
  error: unknown,
  explain: (thrown: string) => { message: string; userStack: string | undefined },
): MapReduceError {
  if (isInstance(error, MapReduceError)) return error;
  const { name, message: text, isError } = thrownFields(error);
  const { message, userStack } = explain(isError ? `${name}: ${text}` : `it threw ${text}`);
  return new MapReduceError('JobDefinitionError', message, {
    details: userStack === undefined ? {} : { userStack },
    cause: error,
  });
}

async function checkFile(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isFile()) return;
  const nearest = found === undefined ? await nearestModule(path) : undefined;
  const problem = found ? 'is not a file' : 'does not exist';
  const remedy =
    nearest === undefined ? 'Give the path of a .ts, .js, .mjs or .cjs file' : `Did you mean '${nearest}'?`;
  throw new MapReduceError('JobDefinitionError', `the job module ${path} ${problem}. ${remedy}`);
}

async function nearestModule(path: string): Promise<string | undefined> {
  const names = await readdir(dirname(path)).catch(() => []);
  const nearest = nearestName(
    basename(path),
    names.filter((name) => /\.[cm]?[jt]s$/.test(name)),
  );
  return nearest === undefined ? undefined : join(dirname(path), nearest);
}

async function importJob(url: URL, path: string): Promise<Record<string, unknown>> {
  try {
    return await import(url.href);
  } catch (error) {
    const userStack = await stackOf(error, path);
    throw asDefinitionError(error, (thrown) => ({
      message: `the job module ${path} does not load: ${thrown}${remedy(error)}`,
      userStack,
    }));
  }
}

/** A package.json nearby may declare its files to be CommonJS: npm init writes that by default. */
function remedy(error: unknown): string {
  const isTakenForCommonJs =
    isInstance(error, SyntaxError) &&
    /import statement outside a module|Unexpected token 'export'/.test(error.message);
  return isTakenForCommonJs
    ? '. The nearest package.json makes it CommonJS: set "type": "module" there, or rename the file to end in .mts or .mjs'
    : '';
}

/**
 * Finds the place in the user's files where loading failed. V8 does not report it for a JavaScript module that does not
 * parse, so `node --check` is run on the file.
 */
async function stackOf(error: unknown, path: string): Promise<string | undefined> {
  const { stack } = thrownFields(error);
  if (!isInstance(error, SyntaxError) || stack?.includes(path)) return stack;
  // Loaded only for a module that does not parse: every worker loads this file.
  const { execFile } = await import('node:child_process');
  const report = await new Promise<string>((resolve) => {
    execFile(process.execPath, ['--check', path], { timeout: 10_000 }, (_error, _stdout, stderr) =>
      resolve(stderr),
    );
  });
  return report.includes(path) ? report.replace(/\nNode\.js v.*\s*$/, '').trimEnd() : stack;
}

/** Recognises a job by its shape, because another copy of this package may have created it. */
function isJob(value: unknown): value is Job {
  if (typeof value !== 'object' || value === null) return false;
  const { name, inputs, output, params }: { [N in keyof Job]?: unknown } = value;
  return (
    typeof name === 'string' &&
    Array.isArray(inputs) &&
    typeof output === 'object' &&
    typeof params === 'object' &&
    // A definition that was not passed through defineJob() has no such field.
    'shuffle' in value
  );
}

function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value === 'function') return 'a function';
  if (typeof value !== 'object') return `the ${typeof value} ${textOf(value)}`;
  return `an object with ${Object.keys(value).join(', ') || 'no fields'}`;
}
