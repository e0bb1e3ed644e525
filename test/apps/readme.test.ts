import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { expect, test } from 'vitest';
import { type AppName, apps } from '../../apps/index.ts';
import { runApp } from './run-app.ts';

const ROOT = resolve(import.meta.dirname, '../..');

/** The first block of code in a language. */
function block(readme: string, language: string): string | undefined {
  return new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'ms').exec(readme)?.[1];
}

test.each(Object.keys(apps) as AppName[])(
  'the command in the README of %s gives what it shows',
  async (name) => {
    const readme = readFileSync(new URL('README.md', apps[name].url), 'utf8');
    const command = block(readme, 'sh')!.trim().replaceAll("'", '').split(' ');
    const { values, positionals } = parseArgs({
      args: command.slice(command.indexOf('run') + 1),
      options: {
        input: { type: 'string' },
        output: { type: 'string' },
        set: { type: 'string', multiple: true },
      },
      allowPositionals: true,
    });

    const { text } = await runApp(name, {
      inputs: [resolve(ROOT, values.input!)],
      params: Object.fromEntries((values.set ?? []).map((set) => set.split('='))),
    });

    expect(positionals).toEqual([name]);
    expect(values.output).toBe(`out/${name}`);
    const shown = block(readme, 'tsv') ?? block(readme, 'txt')!;
    expect(text.slice(0, shown.length)).toBe(shown);
  },
);
