/** The jobs that come with the package, by name. */
import { apps } from '../../../apps/index.ts';

const MODULES: ReadonlyMap<string, URL> = new Map(Object.entries(apps).map(([name, { url }]) => [name, url]));

export function appNames(): string[] {
  return [...MODULES.keys()].sort();
}

/** Undefined for a name that no app has. */
export function appModule(name: string): URL | undefined {
  return MODULES.get(name);
}
