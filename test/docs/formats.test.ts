/** Compiles and runs each example of docs/formats.md, and compares the result with the one that the page shows. */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { beforeAll, describe, expect, it } from 'vitest';
import * as api from '../../src/index.ts';
import { runEmbedded } from '../../src/local/run/embedded-run.ts';
import type { EmbeddedRunOptions } from '../../src/local/run/run-options.ts';
import { folderOfFile } from '../helpers/temporary-folder.ts';
import { type DocExample, examplesOf, moduleOf } from './doc-examples.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const PAGE = readFileSync(join(ROOT, 'docs/formats.md'), 'utf8');
const COMPILER = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc');
const run = promisify(execFile);

interface Setting {
  /** Input files that the page does not show, or only in words. */
  readonly files?: Readonly<Record<string, string | Buffer>>;
  /** Default: the folder of the input files. */
  readonly inputs?: (folder: string) => EmbeddedRunOptions['inputs'];
  readonly options?: Partial<EmbeddedRunOptions>;
  /** For a result that is not text, or that the page does not show. */
  readonly check?: (output: string) => void;
}

const bytesOfDoubles = (...numbers: number[]) => {
  const bytes = Buffer.alloc(8 * numbers.length);
  for (const [i, number] of numbers.entries()) bytes.writeDoubleBE(number, 8 * i);
  return Buffer.concat([Buffer.from('doubles\n'), bytes]);
};

/** By the name of the example. */
const SETTINGS: Readonly<Record<string, Setting>> = {
  'textLines()': { files: { 'a.txt': 'to be\nor not\n\nto be\n' } },
  'textLines(), 2': { files: { 'a.txt': '09:00 INFO up\n09:01 ERROR full\n' } },
  'bytesLines()': { files: { 'a.txt': 'ann 3\nbob 4\nann 5\n' } },
  Encodings: { files: { 'a.txt': Buffer.from('5afc72696368', 'hex') } },
  'wholeFiles()': { files: { 'a.bin': 'abc', 'b.bin': '' } },
  'fixedLength()': {
    files: { 'a.bin': Buffer.from('0300aaaa0100bbbb0200cccc', 'hex') },
    check: (output) => {
      expect(readFileSync(join(output, 'part-r-00000.bin')).toString('hex')).toBe('0100bbbb0200cccc0300aaaa');
    },
  },
  'generate()': { inputs: () => [], options: { merge: true } },
  'Typed parts': {
    files: { 'a.txt': 'to be or not to be\n' },
    check: (output) => expect(existsSync(join(output, 'part-r-00000.records'))).toBe(true),
  },
  'Typed parts, 2': { inputs: (folder) => [join(folder, '../../Typed parts/out')] },
  'Named inputs': {
    inputs: (folder) => ({ users: [join(folder, 'users.jsonl')], visits: [join(folder, 'visits.csv')] }),
  },
  'Several outputs': { files: { 'a.txt': 'be\nto\nbe\n' } },
  'Folders and file sizes': { files: { 'a.txt': '2026-11-29 ann\n2026-11-30 bob\n2026-11-29 eve\n' } },
  'Folders and file sizes, 2': { files: { 'a.txt': 'to\nbe\nor\n' } },
  'Compressed files': {
    files: { 'a.txt': 'to be\n' },
    check: (output) => {
      expect(gunzipSync(readFileSync(join(output, 'part-m-00000.txt.gz'))).toString()).toBe('TO BE\n');
    },
  },
  'A parser: byteRanges()': { files: { 'a.bin': Buffer.from('\0\0\0\x02hi\0\0\0\x03you') } },
  'A source in full': { files: { 'a.bin': bytesOfDoubles(1.5, 20, 3) } },
  'One record at a time: recordWise()': { files: { 'a.txt': 'a\nb\na\n' } },
  'A sink in full': { files: { 'a.txt': 'a\nb\n' } },
};

const EXAMPLES = examplesOf(PAGE);
const folder = folderOfFile('formats-page');
const moduleFile = (index: number) => join(folder, `example-${index}.ts`);

beforeAll(() => {
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  for (const [index, { code }] of EXAMPLES.entries()) {
    writeFileSync(moduleFile(index), moduleOf(code, Object.keys(api)));
  }
});

function namesIn(output: string): string[] {
  return readdirSync(output, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(output.length + 1))
    .sort();
}

async function resultOf({ name, files }: DocExample, index: number) {
  const setting = SETTINGS[name] ?? {};
  const home = join(folder, name);
  const data = join(home, 'data');
  const output = join(home, 'out');
  mkdirSync(data, { recursive: true });
  const all = { ...files, ...setting.files };
  for (const [file, content] of Object.entries(all)) writeFileSync(join(data, file), content);
  await runEmbedded({
    jobModule: pathToFileURL(moduleFile(index)),
    inputs: setting.inputs?.(data) ?? [data],
    output,
    workers: 1,
    ...setting.options,
  });
  setting.check?.(output);
  const isPart = (file: string) => !/^(?:_|manifest)/.test(file);
  const text = (start: string) =>
    namesIn(output)
      .filter((file) => (start === '' ? isPart(file) : file.startsWith(start)))
      .map((file) => readFileSync(join(output, file), 'utf8').replaceAll(data, '/data'))
      .join('');
  return { text, names: namesIn(output).filter(isPart) };
}

describe('docs/formats.md', () => {
  it('has the examples that have a setting here', () => {
    const names = EXAMPLES.map(({ name }) => name);

    expect(names).toEqual([...new Set(names)]);
    expect(Object.keys(SETTINGS).filter((name) => !names.includes(name))).toEqual([]);
  });

  it('has examples and options of csv() that compile', async () => {
    const options = [...PAGE.matchAll(/^\| [^|]+ \| `(csv\(.*?\))`/gm)].map(([, code]) => code);
    writeFileSync(
      join(folder, 'options.ts'),
      [
        "import { csv, type StandardSchema } from 'serverless-mapreduce';",
        'declare const schema: StandardSchema<{ id: string }>;',
        ...options.map((code) => `void ${code};`),
      ].join('\n'),
    );
    writeFileSync(
      join(folder, 'tsconfig.json'),
      JSON.stringify({
        extends: join(ROOT, 'tsconfig.json'),
        include: ['*.ts'],
        compilerOptions: { paths: { 'serverless-mapreduce': [join(ROOT, 'src/index.ts')] } },
      }),
    );

    const args = [COMPILER, '--noEmit', '--pretty', 'false', '-p', folder];
    const { stdout } = await run(process.execPath, args).catch((error: { stdout: string }) => error);

    expect(options.length).toBeGreaterThan(5);
    expect(stdout).toBe('');
  }, 120_000);

  it.each(EXAMPLES.map((example, index) => [example.name, example, index] as const))(
    'shows what the example of "%s" writes',
    async (name, example, index) => {
      const { text, names } = await resultOf(example, index);

      const { results, fileNames } = example;
      expect(Object.fromEntries(Object.keys(results).map((start) => [start, text(start)]))).toEqual(results);
      if (fileNames !== undefined) expect(names).toEqual(fileNames);
      const isShown = Object.keys(results).length > 0 || fileNames !== undefined;
      expect(isShown || SETTINGS[name]?.check !== undefined).toBe(true);
    },
  );

  it('links to files that exist', () => {
    const links = [...PAGE.matchAll(/\]\(((?!https?:|#)[^)#]+)/g)].map(([, link]) => link!);

    expect(links.filter((link) => !existsSync(resolve(ROOT, 'docs', link)))).toEqual([]);
  });

  it('links to sections that exist', () => {
    const anchors = [...PAGE.matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
      heading!
        .toLowerCase()
        .replaceAll(/[^\w\s-]/g, '')
        .replaceAll(' ', '-'),
    );
    const links = [...PAGE.matchAll(/\]\(#([^)]+)\)/g)].map(([, anchor]) => anchor!);

    expect(links.filter((link) => !anchors.includes(link))).toEqual([]);
  });
});
