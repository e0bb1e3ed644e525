#!/usr/bin/env node
'use strict';
// The command `mapreduce`. In a checkout it runs the TypeScript sources as they are; in the published package, dist/.
const { existsSync } = require('node:fs');
const { join } = require('node:path');

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 24 || (major === 24 && minor < 3)) {
  console.error(
    `mapreduce needs Node.js 24.3 or later; this is ${process.version}. In a checkout, npm start -- <arguments> runs it on the Node.js 24 that npm ci has installed; elsewhere, install Node.js 24.`,
  );
  process.exit(2);
}
// Not above: an older Node should be told what is wrong before anything else is loaded.
require('./compile-cache.js').enableOwnCompileCache();
const args = process.argv.slice(2);
const isCheckout = existsSync(join(__dirname, '../src/cli/main.ts'));
if (isCheckout) import('../src/cli/main.ts').then(({ main }) => main(args));
else if (args[0] === 'run') runBundled();
else import('../dist/src/cli/main.js').then(({ main }) => main(args));

/** A small job takes about as long as starting takes, so the package has a bundle for it. */
function runBundled() {
  const { startThread } = require('../dist/command/early-thread.cjs');
  const { runBundle } = require('./bundle.js');
  // A worker takes as long to start as the process. It need not wait until the command knows what the job is.
  const earlyThread = startThread(join(__dirname, '../dist/command/worker.cjs'));
  runBundle(join(__dirname, '../dist/command/main.cjs'), { earlyThread }).main(args);
}
