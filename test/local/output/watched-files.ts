/**
 * What the code under test asks of the file system, call by call: a test stops it there, lets others go first, or has
 * it fail. Each test file mocks the module for itself:
 *
 *     vi.mock('node:fs/promises', async (original) => (await import('./watched-files.ts')).watchedFiles(original));
 */
export type Step = (name: string, path: string, run: () => Promise<unknown>) => Promise<unknown>;

const NAMES = [
  ...['mkdir', 'rename', 'rm', 'rmdir', 'unlink', 'link', 'writeFile'],
  ...['open', 'opendir', 'readdir', 'readFile', 'stat', 'lstat'],
] as const;
/** Those that change something, but for files that are yet without a name in the store. */
const CHANGES: readonly string[] = NAMES.slice(0, NAMES.indexOf('open'));

export const changes = (name: string): boolean => CHANGES.includes(name);

let step: Step = (_name, _path, run) => run();

export async function watchedFiles(original: () => Promise<unknown>): Promise<Record<string, unknown>> {
  const real = (await original()) as Record<string, (...args: unknown[]) => Promise<unknown>>;
  const watched = NAMES.map((name) => [
    name,
    (...args: unknown[]) => step(name, String(args[0]), () => real[name]!(...args)),
  ]);
  return { ...real, ...Object.fromEntries(watched) };
}

export function watchFiles(newStep: Step): Disposable {
  const before = step;
  step = newStep;
  return {
    [Symbol.dispose]() {
      step = before;
    },
  };
}
