import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import { folderOfFile } from '../../helpers/temporary-folder.ts';

const folder = folderOfFile('load-job-test');

/** Loads a module as the command does: in a separate Node process, without the module resolution of the test runner. */
function load(
  fileName: string,
  text?: string,
): { name?: string; message?: string; userStack?: string; job?: string } {
  const path = join(folder, fileName);
  if (text !== undefined) writeFileSync(path, text);
  const loadJobUrl = new URL('../../../src/local/run/load-job.ts', import.meta.url);
  const script = `
    const { loadJob } = await import(${JSON.stringify(loadJobUrl.href)});
    const print = (value) => console.log(JSON.stringify(value));
    await loadJob(new URL(${JSON.stringify(pathToFileURL(path).href)})).then(
      ({ description }) => print({ job: description.name }),
      (error) => print({ name: error.name, message: error.message, userStack: error.details?.userStack }),
    );`;
  const printed = execFileSync(process.execPath, ['--input-type=module', '--eval', script], {
    encoding: 'utf8',
    cwd: fileURLToPath(new URL('..', pathToFileURL(path))),
  });
  return JSON.parse(printed);
}

const WORD_COUNT = `
import { defineJob, textLines, tsv } from 'serverless-mapreduce';
export default defineJob({
  name: 'words', description: 'd', input: textLines(), key: 'string', value: 'number',
  map(line: string, { emit }) { emit(line, 1); },
  reduce: 'sum', output: tsv(),
});`;

describe('loading a job module', () => {
  test('a job in any folder can import this package by name', () => {
    expect(load('words.ts', WORD_COUNT)).toEqual({ job: 'words' });
  });

  const REQUIRED = "const { defineJob, textLines, tsv } = require('serverless-mapreduce');";
  const JOB = `defineJob({
    name: 'words', description: 'd', input: textLines(), key: 'string', value: 'number',
    map(line, { emit }) { emit(line, 1); }, reduce: 'sum', output: tsv(),
  })`;

  test.each([
    ['exported.cjs', `${REQUIRED} module.exports = ${JOB};`],
    ['default.cjs', `${REQUIRED} module.exports = { default: ${JOB} };`],
    [
      'compiled.cjs',
      `'use strict'; Object.defineProperty(exports, '__esModule', { value: true }); ${REQUIRED} exports.default = ${JOB};`,
    ],
    ['typed.cts', `${REQUIRED} const job: unknown = ${JOB}; module.exports = job;`],
    ['untyped.js', `${REQUIRED} module.exports = ${JOB};`],
  ])('a CommonJS module (%s)', (file, text) => {
    expect(load(file, text)).toEqual({ job: 'words' });
  });

  test('a mistyped path gets the nearest module of its folder', () => {
    load('mean.ts', '');

    expect(load('mena.ts')).toMatchObject({
      name: 'JobDefinitionError',
      message: `the job module ${join(folder, 'mena.ts')} does not exist. Did you mean '${join(folder, 'mean.ts')}'?`,
    });
  });

  test('a path that does not exist', () => {
    expect(load('absent.ts')).toMatchObject({
      name: 'JobDefinitionError',
      message: `the job module ${join(folder, 'absent.ts')} does not exist. Give the path of a .ts, .js, .mjs or .cjs file`,
    });
  });

  test('a folder', () => {
    expect(load('.')).toMatchObject({
      name: 'JobDefinitionError',
      message: expect.stringContaining('is not a file'),
    });
  });

  test.each(['broken.ts', 'broken.mjs'])(
    'a module that does not parse (%s): the error has the file, the line and the wrong text',
    (file) => {
      const { name, message, userStack } = load(file, 'const a = 1;\nexport default {\n  x: 1 +* 2,\n};\n');

      expect(name).toBe('JobDefinitionError');
      expect(message).toContain(`the job module ${join(folder, file)} does not load: SyntaxError: `);
      expect(userStack).toContain(`${join(folder, file)}:3`);
      expect(userStack).toContain('x: 1 +* 2');
    },
  );

  test('a module that throws while it loads: the error has the stack of the user’s code', () => {
    const { message, userStack } = load(
      'throws.ts',
      'function f(): void {\n  throw new RangeError("no");\n}\nf();\n',
    );

    expect(message).toContain('does not load: RangeError: no');
    expect(userStack).toContain('throws.ts:2');
  });

  test('a module that imports a package that is not installed', () => {
    const { message } = load('needs.ts', "import 'no-such-package';\nexport default 1;\n");

    expect(message).toContain("does not load: Error: Cannot find package 'no-such-package'");
  });

  test('no default export', () => {
    expect(load('named.ts', 'export const job = 1;').message).toContain(
      'has no default export (it exports job). A job module ends in: export default defineJob({ ... })',
    );
  });

  test('a default export that is not a job', () => {
    expect(load('bare.ts', 'export default { name: "x", map() {} };').message).toContain(
      'is an object with name, map, not a job. Pass the definition through defineJob',
    );
    expect(load('text.ts', 'export default "x";').message).toContain('is the string x, not a job');
  });

  test('errors of defineJob are passed on unchanged', () => {
    expect(load('wrong.ts', WORD_COUNT.replace("name: 'words'", "name: 'Wörds'"))).toMatchObject({
      name: 'JobDefinitionError',
      message: expect.stringContaining("job 'Wörds': name must be 1 to 63 lower-case letters"),
    });
  });

  const trapped = (get: string) =>
    `${WORD_COUNT.replace('export default defineJob(', 'const job = defineJob(')}
export default new Proxy(job, { get(target: any, name, receiver) {
  ${get}
  return Reflect.get(target, name, receiver);
} });`;

  test.each([
    ['a proxy that throws at once', 'throw new Error("trap");', 'Error: trap'],
    ['null, thrown for one field', 'if (name === "inputs") throw null;', 'it threw null'],
    ['for a field that is not checked', 'if (name === "setup") throw new Error("late");', 'Error: late'],
    ['within its shuffle', 'if (name === "shuffle") return { get key() { throw 1; } };', 'it threw 1'],
    [
      'a value that cannot be sent to a thread',
      'if (name === "shuffle") return { key: { name() {} }, value: {}, reduce: "each" };',
      'DataCloneError: ',
    ],
  ])('an export that throws when it is read is reported as an error of the module: %s', (_, get, thrown) => {
    const { name, message } = load('trap.ts', trapped(get));

    expect(name).toBe('JobDefinitionError');
    expect(message).toContain(
      `the job module ${join(folder, 'trap.ts')} threw while its default export was read: ${thrown}`,
    );
  });

  test('a proxy that would throw when read later, or for `then`, loads, because a copy is kept', () => {
    const job = trapped(
      'seen.set(name, (seen.get(name) ?? 0) + 1); if (name === "then") throw new Error("then"); if (seen.get(name) > 2) throw new Error("again");',
    );

    expect(load('once.ts', `const seen = new Map();\n${job}`)).toEqual({ job: 'words' });
  });

  test('a proxy that throws whatever is read', () => {
    const all =
      'new Proxy({}, new Proxy({}, { get() { return () => { throw new Proxy({}, { get() { throw 1; } }); }; } }))';

    expect(load('all.ts', `export default ${all};`)).toMatchObject({
      name: 'JobDefinitionError',
      message: expect.stringContaining('threw while its default export was read'),
    });
  });
});
