/** One handler each in lambdas/. Construct ids are made of them: renaming one replaces a function. */
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

/** `map-barrier` -> `MapBarrier` */
export function pascalCase(name: FunctionName): string {
  return name.replaceAll(/(?:^|-)([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
