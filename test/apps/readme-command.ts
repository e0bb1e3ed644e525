/** The first command of an app's README, which runs it on its sample. */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { type AppName, apps } from '../../apps/index.ts';

export interface ReadmeCommand {
  readonly positionals: readonly string[];
  /** Paths relative to the project, as `name=path` for a job with named inputs. Empty for generated input. */
  readonly inputs: readonly string[];
  readonly params: Readonly<Record<string, string>>;
  readonly output: string;
  /** The lines after the first, which show a result that is not text. */
  readonly show: readonly string[];
}

export function readmeOf(name: AppName): string {
  return readFileSync(new URL('README.md', apps[name].url), 'utf8');
}

/** Returns the code blocks in a language. */
export function blocks(readme: string, language: string): string[] {
  return [...readme.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'))].map(
    ([, code = '']) => code,
  );
}

/** Returns the first code block in a language. */
export function block(readme: string, language: string): string | undefined {
  return blocks(readme, language)[0];
}

export function readmeCommand(name: AppName): ReadmeCommand {
  const [run = '', ...show] = block(readmeOf(name), 'sh')!.trim().split('\n');
  const command = run.replaceAll("'", '').split(' ');
  const { values, positionals } = parseArgs({
    args: command.slice(command.indexOf('run') + 1),
    options: {
      input: { type: 'string', multiple: true, default: [] },
      output: { type: 'string' },
      set: { type: 'string', multiple: true, default: [] },
    },
    allowPositionals: true,
  });
  return {
    positionals,
    inputs: values.input,
    params: Object.fromEntries(values.set.map((set) => set.split('='))),
    output: values.output!,
    show,
  };
}
