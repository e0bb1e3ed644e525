/** What a function serves: a step, the events that it accepts, and what the state machine gets back. */
import type * as v from 'valibot';
import type { Invocation, StepEnvironment } from '../steps/environment.ts';

export interface ServedStep<S extends v.GenericSchema, R, A> {
  readonly name: string;
  readonly event: S;
  readonly step: (
    event: v.InferOutput<S>,
    environment: StepEnvironment,
    invocation: Invocation,
  ) => Promise<R>;
  /** What distinguishes this invocation from others, for logs and traces. */
  readonly about: (event: v.InferOutput<S>) => Readonly<Record<string, string | number>>;
  /** What is returned to the state machine. It omits what is large or what no state uses. */
  readonly answer: (result: R) => A;
  /** What is logged of the result. Default: all of it. */
  readonly logged?: (result: R) => unknown;
}

/** Checks the type of a definition and infers its parameters. */
export function servedStep<const S extends v.GenericSchema, R, A>(
  definition: ServedStep<S, R, A>,
): ServedStep<S, R, A> {
  return definition;
}
