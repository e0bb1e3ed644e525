/** The handlers of the project, as functions of their environment, so that many environments can live in this process. */
import type { FunctionName } from '../../infra/functions/function-names.ts';
import type { LambdaContext } from '../../lambdas/runtime/powertools.ts';
import { type ServeOptions, serveStep, type Telemetry } from '../../lambdas/runtime/serve-step.ts';
import { commit } from '../../lambdas/served/commit.ts';
import { failure } from '../../lambdas/served/failure.ts';
import { map } from '../../lambdas/served/map.ts';
import { mapBarrier } from '../../lambdas/served/map-barrier.ts';
import { plan } from '../../lambdas/served/plan.ts';
import { reduce } from '../../lambdas/served/reduce.ts';
import { reduceBarrier } from '../../lambdas/served/reduce-barrier.ts';
import { watch } from '../../lambdas/served/watch.ts';

export type Handler = (event: unknown, context: LambdaContext) => Promise<unknown>;
/** For synthetic tasks. */
export interface Thread {
  /** Resolves when the thread of the environment has worked for so many milliseconds of a whole core. */
  readonly compute: (ms: number) => Promise<void>;
}

export type HandlerOf = (options: ServeOptions, thread: Thread) => Handler;

export const HANDLERS: Readonly<Record<FunctionName, HandlerOf>> = {
  plan: (options) => serveStep(plan, options),
  map: (options) => serveStep(map, options),
  'map-barrier': (options) => serveStep(mapBarrier, options),
  reduce: (options) => serveStep(reduce, options),
  'reduce-barrier': (options) => serveStep(reduceBarrier, options),
  commit: (options) => serveStep(commit, options),
  failure: (options) => serveStep(failure, options),
  watch: (options) => serveStep(watch, options),
};

export const NO_TELEMETRY: Telemetry = { known() {}, done() {}, failed() {}, ended() {} };
