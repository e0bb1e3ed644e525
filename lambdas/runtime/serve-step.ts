/**
 * Runs a step in an invocation: parses the event, makes the environment, and maps errors. Errors keep their names, which
 * Step Functions matches, and carry all they say as data. A wake event runs no step, and we neither log nor count it.
 */
import type * as v from 'valibot';
import { answerFor } from '../../src/aws/protocol/error-answer.ts';
import { parseWith } from '../../src/aws/protocol/parse.ts';
import { isWakeEvent } from '../../src/aws/protocol/wake.ts';
import type { Clock } from '../../src/base/clock.ts';
import type { ServedStep } from '../served/served-step.ts';
import type { Invocation } from '../steps/environment.ts';
import type { EnvironmentOfInvocation } from './execution-environment.ts';
import type { LambdaContext } from './powertools.ts';

/** What is told about one invocation, in this order; `known` only if the event is valid. */
export interface Telemetry {
  readonly known: (about: Readonly<Record<string, string | number>>) => void;
  readonly done: (logged: unknown, elapsedMs: number) => void;
  readonly failed: (error: unknown, elapsedMs: number) => void;
  readonly ended: () => void;
}

export interface ServeOptions {
  readonly environmentOf: EnvironmentOfInvocation;
  readonly clock: Clock;
  readonly telemetryOf: (step: string, context: LambdaContext) => Telemetry;
}

export function serveStep<const S extends v.GenericSchema, R, A>(
  { name, event: schema, step, about, answer, logged = (result) => result }: ServedStep<S, R, A>,
  { environmentOf, clock, telemetryOf }: ServeOptions,
): (raw: unknown, context: LambdaContext) => Promise<A | undefined> {
  return async (raw, context) => {
    const remainingMs = () => context.getRemainingTimeInMillis();
    if (isWakeEvent(raw)) {
      // Made now, so that the first step need not make it.
      environmentOf({ remainingMs });
      return undefined;
    }
    const startedMs = clock.nowMs();
    const elapsedMs = () => Math.round(clock.nowMs() - startedMs);
    const telemetry = telemetryOf(name, context);
    try {
      const event = parseWith(schema, raw, `the event of ${name}`);
      telemetry.known(about(event));
      const invocation: Invocation = {
        requestId: context.awsRequestId,
        remainingMs,
      };
      const result = await step(event, environmentOf(invocation), invocation);
      telemetry.done(logged(result), elapsedMs());
      return answer(result);
    } catch (error) {
      telemetry.failed(error, elapsedMs());
      throw answerFor(error);
    } finally {
      telemetry.ended();
    }
  };
}
