/**
 * Each has a handler of that name in lambdas/. Construct ids are made from them, so renaming one replaces a function.
 */
export const FUNCTION_NAMES = [
  'plan',
  'map',
  'map-barrier',
  'reduce',
  'reduce-barrier',
  'commit',
  'failure',
  'watch',
] as const;

export type FunctionName = (typeof FUNCTION_NAMES)[number];

/** Makes a value for each function. */
export function byFunction<T>(make: (name: FunctionName) => T): Readonly<Record<FunctionName, T>> {
  // Object.fromEntries() forgets the names; they are all there.
  return Object.fromEntries(FUNCTION_NAMES.map((name) => [name, make(name)])) as Record<FunctionName, T>;
}

/** `map-barrier` -> `MapBarrier` */
export function pascalCase(name: FunctionName): string {
  return name.replaceAll(/(?:^|-)([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
