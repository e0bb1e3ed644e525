/**
 * Finds stragglers and returns which tasks get a backup attempt. The watch machine calls it every few seconds while a stage
 * runs, and again if it fails. A stage does not depend on it: without it, there are only no backup attempts.
 */
import { serve } from './runtime/serve.ts';
import { watch } from './served/watch.ts';

export const handler = serve(watch);
