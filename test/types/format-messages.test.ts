/** What the compiler says about mistakes with formats: it must not accept them, and its message must show what is wrong. */
import { execFile } from 'node:child_process';
import { symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { folderOfFile } from '../helpers/temporary-folder.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const COMPILER = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc');
const run = promisify(execFile);

const SHUFFLE = `key: 'string', value: 'number', reduce: 'sum'`;
const USERS = `input: { users: jsonLines<User>(), events: textLines() }`;

/** Each mistake is one line: the fields of a definition, and what the compiler must say about them. */
const MISTAKES: readonly (readonly [what: string, fields: string, message: string])[] = [
  [
    'a column that the format does not read',
    `input: csv(['code', 'name']), map: (row, { emit }) => emit(row.nmae, 1), output: tsv()`,
    `Property 'nmae' does not exist on type '{ readonly code: string; readonly name: string; }'.`,
  ],
  [
    'a column of another type',
    `input: csv({ columns: { ts: 'number' } }), map: (row, { emit }) => emit(row.ts, 1), ${SHUFFLE}, output: tsv()`,
    `Argument of type 'number' is not assignable to parameter of type 'string | BytesRange'.`,
  ],
  [
    'a type that no column has',
    `input: csv({ columns: { ts: 'int' } }), map: (row, { emit }) => emit(row.ts, 1), output: tsv()`,
    `Type '"int"' is not assignable to type 'CsvType | null'.`,
  ],
  [
    'a field that the schema does not have',
    `input: jsonLines(v.object({ n: v.number() })), map: (row, { emit }) => emit(row.m, 1), output: tsv()`,
    `Property 'm' does not exist on type '{ n: number; }'.`,
  ],
  [
    'a selected field that the rows do not have',
    `input: jsonLines<User>({ select: ['name'] }), map: (user, { emit }) => emit(null, user.id), output: lines()`,
    `Type '"name"' is not assignable to type '"country" | "id"'.`,
  ],
  [
    'a field of another type in the parts of another job',
    `input: records('string', 'number'), map: ([word, count], { emit }) => emit(count, word.toFixed()), output: tsv()`,
    `Property 'toFixed' does not exist on type 'string'.`,
  ],
  [
    'text where the format reads bytes',
    `input: fixedLength(100), map: (record, { emit }) => emit(null, record.split(',')), output: tsv()`,
    `Property 'split' does not exist on type 'Buffer<ArrayBufferLike>'.`,
  ],
  [
    'a named reducer whose value is no row of the output',
    `input: textLines(), map: (line, { emit }) => emit(line, 1), ${SHUFFLE}, output: csv(['word', 'count'])`,
    `Type '"sum"' is not assignable to type '"a function, since output cannot hold the job's value as it is"`,
  ],
  [
    'a row with a wrong column',
    `input: textLines(), map: (line, { emit }) => emit(line, { wrod: line, count: 1 }), output: csv(['word', 'count'])`,
    `'wrod' does not exist in type 'CsvRow<readonly ["word", "count"]>'.`,
  ],
  [
    'a row with a field of another type',
    `input: textLines(), map: (line, { emit }) => emit(line, { id: 3, country: line }), output: jsonLines<User>()`,
    `Type 'number' is not assignable to type 'string'.`,
  ],
  [
    'an output format as input',
    `input: lines(), map: (_, { emit }) => emit(null, 'x'), output: lines()`,
    `Type 'Sink<unknown, LineText>' is not assignable to type 'Source<unknown>`,
  ],
  [
    'an input format as output',
    `input: textLines(), map: (line, { emit }) => emit(null, line), output: wholeFiles()`,
    `Type 'Source<Buffer<ArrayBufferLike>>' is not assignable to type 'Outputs'.`,
  ],
  [
    'an input without its map',
    `${USERS}, ${SHUFFLE}, map: { users: (user, { emit }) => emit(user.id, 1) }, output: tsv()`,
    `Property 'events' is missing in type`,
  ],
  [
    'a map of no input',
    `input: { users: jsonLines<User>() }, ${SHUFFLE}, map: { user: () => {} }, output: tsv()`,
    `Object literal may only specify known properties, and 'user' does not exist in type`,
  ],
  [
    'a map with the records of another input',
    `${USERS}, ${SHUFFLE}, map: { users: (user, { emit }) => emit(user.id, 1), events: (e, { emit }) => emit(e.id, 1) }, output: tsv()`,
    `Property 'id' does not exist on type 'string'.`,
  ],
  [
    'another name for the limit of bad records',
    `input: textLines(), onBadRecord: { max: 3 }, map: (line, { emit }) => emit(null, line), output: lines()`,
    `'max' does not exist in type 'BadRecordPolicy'.`,
  ],
  [
    'text for a number of generated records',
    `input: generate(10), map: (n, { emit }) => emit(null, n.length), output: lines()`,
    `Property 'length' does not exist on type 'number'.`,
  ],
];

const HEAD = `
import * as v from 'valibot';
import { csv, defineJob, fixedLength, generate, jsonLines, lines, records, textLines, tsv, wholeFiles } from '${ROOT}/src/index.ts';
export interface User { readonly id: string; readonly country: string }
`;

describe('the compiler', () => {
  const folder = folderOfFile('format-messages');
  const messages = new Map<number, string>();

  beforeAll(async () => {
    symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
    const code = MISTAKES.map(([, fields]) => `defineJob({ name: 'x', description: '', ${fields} });`);
    const head = HEAD.split('\n').length;
    writeFileSync(join(folder, 'mistakes.ts'), `${HEAD}\n${code.join('\n')}\n`);
    writeFileSync(
      join(folder, 'tsconfig.json'),
      JSON.stringify({
        extends: join(ROOT, 'tsconfig.json'),
        include: ['mistakes.ts'],
        compilerOptions: { noUnusedParameters: false },
      }),
    );
    const args = [COMPILER, '--noEmit', '--pretty', 'false', '-p', folder];
    const failed: { stdout: string } = await run(process.execPath, args).catch((error) => error);
    for (const block of failed.stdout.split(/\n(?=\S)/)) {
      const line = Number(/mistakes\.ts\((\d+),/.exec(block)?.[1]) - head - 1;
      messages.set(line, `${messages.get(line) ?? ''}${block}\n`);
    }
  }, 60_000);

  it.each(MISTAKES.map((mistake, index) => [...mistake, index] as const))(
    'explains %s',
    (_, _fields, message, index) => {
      expect(messages.get(index)).toContain(message);
    },
  );
});
