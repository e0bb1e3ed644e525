#!/usr/bin/env node
// The command `mapreduce`. In a checkout it runs the TypeScript sources as they are; in the published package, dist/.
import { existsSync } from 'node:fs';

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 24 || (major === 24 && minor < 3)) {
  console.error(
    `mapreduce needs Node.js 24.3 or later; this is ${process.version}. In a checkout, npm start -- <arguments> runs it on the Node.js 24 that npm ci has installed; elsewhere, install Node.js 24.`,
  );
  process.exit(2);
}
// Not above: an older Node should be told what is wrong before anything else is loaded.
const { enableOwnCompileCache } = await import('./compile-cache.js');
enableOwnCompileCache();
const sources = new URL('../src/cli/main.ts', import.meta.url);
const entry = existsSync(sources) ? sources : new URL('../dist/src/cli/main.js', import.meta.url);
const { main } = await import(entry.href);
await main(process.argv.slice(2));
