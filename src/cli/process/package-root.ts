/** Where this package is. Sources are in <root>/src/cli/process, the published build in <root>/dist/src/cli/process. */
import { readFileSync } from 'node:fs';
import { parseJson } from '../../codec/parse-json.ts';

export const PACKAGE_ROOT = new URL(
  import.meta.url.endsWith('.ts') ? '../../../' : '../../../../',
  import.meta.url,
);

export function packageVersion(): string {
  // The cast: the package's own file, whose `version` npm requires.
  const { version } = parseJson(readFileSync(new URL('package.json', PACKAGE_ROOT), 'utf8')) as {
    version: string;
  };
  return version;
}
