import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { type AppName, apps } from '../../apps/index.ts';
import { runEmbedded } from '../../src/local/run/embedded-run.ts';
import { block, readmeCommand, readmeOf } from './readme-command.ts';
import { inputFile, linesOf, runApp } from './run-app.ts';
import { shell } from './shell.ts';

const ROOT = resolve(import.meta.dirname, '../..');

test.each(Object.keys(apps) as AppName[])(
  'the command in the README of %s prints what the README shows',
  async (name) => {
    const command = readmeCommand(name);

    const { text, output } = await runApp(name, {
      inputs: command.inputs.map((input) => input.replace(/[^=]+$/, (path) => resolve(ROOT, path))),
      params: command.params,
    });

    expect(command.positionals).toEqual([name]);
    expect(command.output).toBe(`out/${name}`);
    const readme = readmeOf(name);
    const shown = ['tsv', 'txt', 'csv', 'jsonl'].map((language) => block(readme, language)).find(Boolean)!;
    const show = command.show.join('\n').replaceAll(command.output, `'${output}'`);
    const printed = show === '' ? text : shell(show);
    expect(printed.slice(0, shown.length)).toBe(shown);
  },
);

test("the README's job finds the longest word for each first letter, including letters of two UTF-16 units", async () => {
  const job = block(readFileSync(resolve(ROOT, 'README.md'), 'utf8'), 'ts')!;
  const jobModule = pathToFileURL(inputFile('longest.ts', job));
  const output = resolve(fileURLToPath(jobModule), '../../output-longest');

  const report = await runEmbedded({
    jobModule,
    inputs: [inputFile('astral-words.txt', '𠮷野家 吉野家 𝒜𝒷 𐌰𐌱𐌲𐌳 𪛖文字\n')],
    output,
    workers: 1,
    reducers: 1,
  });

  const text = report.parts.map((part) => readFileSync(resolve(output, part.name), 'utf8')).join('');
  expect(linesOf(text).sort()).toEqual(['𠮷\t𠮷野家', '吉\t吉野家', '𝒜\t𝒜𝒷', '𐌰\t𐌰𐌱𐌲𐌳', '𪛖\t𪛖文字'].sort());
});
