/**
 * Intercepts the file system calls of the code under test. At each call, a test can pause the code, let others run first,
 * or make the call fail. Each test file mocks the module itself:
 *
 *     vi.mock('node:fs/promises', async (original) => (await import('./watched-files.ts')).watchedFiles(original));
 */
export type Step = (name: string, path: string, run: () => Promise<unknown>) => Promise<unknown>;

const NAMES = [
  ...['mkdir', 'rename', 'rm', 'rmdir', 'unlink', 'link', 'writeFile'],
  ...['open', 'opendir', 'readdir', 'readFile', 'stat', 'lstat'],
] as const;
/** The calls that change something, except those that write files which have no name in the store yet. */
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
