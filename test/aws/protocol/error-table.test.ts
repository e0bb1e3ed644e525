import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { hintsFor, hintText, isHintKind } from '../../../src/aws/protocol/hints.ts';
import { ERROR_NAMES, ERROR_TABLE, HINT_KINDS } from '../../../src/base/error-table.ts';
import { isRetryable, MapReduceError } from '../../../src/base/errors.ts';
import { jobId, taskId } from '../../../src/base/ids.ts';
import { exitCodeOf } from '../../../src/cli/process/exit-code.ts';
import { ERRORS_PAGE, errorsPage } from './errors-page.ts';

const ROOT = resolve(import.meta.dirname, '../../..');
/** Error names of Node and AWS that the sources mention. All other names that look like errors must be in the table. */
const FOREIGN_NAMES = [
  'AggregateError',
  'AssertionError',
  'AuthorizationError',
  'CredentialsProviderError',
  'Error',
  'RangeError',
  'InternalError',
  'ReferenceError',
  'SyntaxError',
  'TimeoutError',
  'TokenProviderError',
  'TypeError',
];

/** Strings in the sources that consist only of the name of an error. */
function namesInSources(): Set<string> {
  const names = new Set<string>();
  for (const folder of ['src', 'lambdas', 'infra', 'apps']) {
    for (const entry of readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })) {
      if (!entry.endsWith('.ts') || entry.endsWith('error-table.ts')) continue;
      const source = readFileSync(join(ROOT, folder, entry), 'utf8');
      for (const [, name] of source.matchAll(/'([A-Z][A-Za-z]*Error)'/g)) names.add(name!);
    }
  }
  return names;
}

describe('the table of errors', () => {
  it('has a row for every name in the sources, and no row that none of them uses', () => {
    const ours = [...namesInSources()].filter((name) => !FOREIGN_NAMES.includes(name));

    expect(ours.sort()).toEqual([...ERROR_NAMES].sort());
  });

  it('agrees with docs/errors.md; to update the page, run: npm run update:errors', () => {
    expect(readFileSync(ERRORS_PAGE, 'utf8')).toBe(errorsPage());
  });

  it.each(ERROR_NAMES)('%s is retried and exits as its row says, and 1 once a task runs', (name) => {
    const { retry, exitCode } = ERROR_TABLE[name];

    expect(isRetryable(new MapReduceError(name, ''))).toBe(retry !== 'never');
    expect(exitCodeOf(new MapReduceError(name, ''))).toBe(exitCode);
    expect(exitCodeOf(new MapReduceError(name, '', { details: { taskId: taskId('map', 0) } }))).toBe(1);
  });
});

describe('hints', () => {
  it.each(HINT_KINDS)('%s is a sentence, with the command as the reader calls it', (kind) => {
    const commandLine = (command: string) => `npm start -- ${command} --stack 'My Stack'`;

    const text = hintText({ kind, jobId: jobId('daily.2') }, commandLine);

    expect(text).toMatch(/^[A-Z]/);
    expect(text).not.toMatch(/\bmapreduce\b/);
    expect(text.includes('daily.2')).toBe(/--stack 'My Stack'$/.test(text));
  });

  it.each(ERROR_NAMES)('of %s are those of its row, with the job id', (name) => {
    const hints = hintsFor(name, { jobId: jobId('daily'), isPlanned: false });

    expect(hints).toEqual(ERROR_TABLE[name].hints.map((kind) => ({ kind, jobId: 'daily' })));
  });

  it('of a UsageError suggest another request only if the job is not yet planned', () => {
    const kinds = (isPlanned: boolean) =>
      hintsFor('UsageError', { jobId: undefined, isPlanned }).map(({ kind }) => kind);

    expect(kinds(false)).toEqual(['correct-request']);
    expect(kinds(true)).toEqual(['see-logs', 'redrive-when-fixed']);
  });

  it.each(['toString', 'Sandbox.Timedout', ''])(
    'of %j, which is not in the table, suggest the logs and a redrive',
    (name) => {
      const kinds = hintsFor(name, { jobId: jobId('daily'), isPlanned: true }).map(({ kind }) => kind);

      expect(kinds).toEqual(['see-logs', 'redrive-when-fixed']);
      expect(isHintKind(name)).toBe(false);
    },
  );
});
