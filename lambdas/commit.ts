/**
 * Merges the parts if requested, writes manifest.json and then _SUCCESS, and removes the intermediates. The state machine
 * calls it once per job after the last barrier, and again if it fails.
 */
import { serve } from './runtime/serve.ts';
import { commit } from './served/commit.ts';

export const handler = serve(commit);
