import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { expect, it } from 'vitest';

const ROOT = resolve(import.meta.dirname, '..');
const LINES_MAX = 70;

const CONTROL_FLOW = /^(?:} )?(?:if|else|for|while|switch|try|catch|finally|do|case)\b/;

interface Block {
  readonly name: string;
  readonly lines: number;
}

const indentOf = (line: string) => line.length - line.trimStart().length;
/** Whether the line ends a parameter list or an arrow, and opens a body. */
const opensBody = (line: string) =>
  /(?:=>|\)(?:: .*)?) \{$/.test(line) && !CONTROL_FLOW.test(line.trimStart());

/**
 * Finds the functions of a source by their indentation. The formatter gives three lines of a function the same
 * indentation: the first, the one that opens the body and the one that closes it. It indents all other lines more.
 * Biome's noExcessiveLinesPerFunction does not fit, because it does not count parameters, comments and templates, and
 * skips getters.
 */
function functionsOf(source: string): Block[] {
  const lines = source.split('\n');
  return lines.flatMap((line, opening) => {
    if (!opensBody(line)) return [];
    const indent = indentOf(line);
    const isAtIndent = (other: string) => other.trim() !== '' && indentOf(other) === indent;
    let first = opening;
    while (first > 0 && !(isAtIndent(lines[first]!) && /^\s*[^)\]}\s]/.test(lines[first]!))) first -= 1;
    const last = lines.findIndex((other, at) => at > opening && isAtIndent(other) && /^\s*}/.test(other));
    const [, name = lines[first]!.trim()] =
      /(?:function\*?|const|static|async|get|set)? *\*?(#?\w+)(?: = |[(<])/.exec(lines[first]!) ?? [];
    return [{ name, lines: last - first + 1 }];
  });
}

it('measures functions, methods and arrows with their parameters', () => {
  const source = [
    'export async function longest(',
    '  a: number,',
    '  { b }: { b: number },',
    '): Promise<void> {',
    '  if (a) {',
    '    b();',
    '  }',
    '}',
    'class Store {',
    '  async *#read(key: string): AsyncGenerator<Buffer> {',
    '    yield* all;',
    '  }',
    '}',
    'const arrow = (a: number) => {',
    '  return a;',
    '};',
  ].join('\n');

  expect(functionsOf(source)).toEqual([
    { name: 'longest', lines: 8 },
    { name: '#read', lines: 3 },
    { name: 'arrow', lines: 3 },
  ]);
});

it(`no function of src, lambdas and infra is longer than ${LINES_MAX} lines`, () => {
  const sources = ['src', 'lambdas', 'infra'].flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
      .map((entry) => join(entry.parentPath, entry.name)),
  );
  const functions = sources.flatMap((path) =>
    functionsOf(readFileSync(path, 'utf8')).map((found) => ({ ...found, path: relative(ROOT, path) })),
  );

  const tooLong = functions
    .filter(({ lines }) => lines > LINES_MAX)
    .map(({ path, name, lines }) => `${path} ${name}: ${lines} lines`);

  expect(functions.length).toBeGreaterThan(1_000);
  expect(tooLong).toEqual([]);
});
