/**
 * URL of a module beside another: sources are `.ts` and run as they are, in the published build they are `.js`. What
 * asks has the ending that all have.
 */
export function siblingModule(name: string, importMetaUrl: string): URL {
  const ending = new URL(importMetaUrl).pathname.endsWith('.ts') ? '.ts' : '.js';
  return new URL(`${name}${ending}`, importMetaUrl);
}
