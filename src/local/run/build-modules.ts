/**
 * Where this build has the modules that worker threads load. This file is that of the checkout. In the published package,
 * the command runs bundles, and scripts/bundle-command.ts writes another module in place of this one.
 */
import type { StartedThread } from '../threads/start-thread.ts';
import { siblingModule } from './sibling-module.ts';

/** The entry module of a worker thread. */
export const WORKER_MODULE: URL = siblingModule('../threads/worker', import.meta.url);

/** The module that jobs get for 'serverless-mapreduce'. */
export const API_MODULE: URL = siblingModule('../../index', import.meta.url);

/**
 * Keeps the code that V8 has compiled so far for later runs of the same bundle (bin/bundle.js), unless an earlier run has.
 * Called in each thread when it has done what most runs do. Never throws. There is nothing to keep in the checkout, where
 * Node keeps the code of each module.
 */
export function keepCompiledCode(): void {}

/** Returns a thread of WORKER_MODULE that was started with the process, once. The checkout starts none. */
export function takeEarlyThread(): StartedThread | undefined {
  return undefined;
}
