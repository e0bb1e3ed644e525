/**
 * Returns the URL of a module in the same folder. Modules end in `.ts` in the sources, which run directly, and in `.js` in
 * the published build. The extension of the calling module shows which.
 */
export function siblingModule(name: string, importMetaUrl: string): URL {
  const ending = new URL(importMetaUrl).pathname.endsWith('.ts') ? '.ts' : '.js';
  return new URL(`${name}${ending}`, importMetaUrl);
}
