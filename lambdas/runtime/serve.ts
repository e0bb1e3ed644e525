/**
 * Runs a step in a Lambda invocation: parses the event, adds job, stage, task and attempt to every log line, and
 * records metrics and traces. Errors keep their names, which Step Functions matches, and carry all they say as data.
 */
import { MetricUnit } from '@aws-lambda-powertools/metrics';
import type * as v from 'valibot';
import { answerFor } from '../../src/aws/protocol/error-answer.ts';
import { parseWith } from '../../src/aws/protocol/parse.ts';
import { isMapReduceError, serializeError } from '../../src/base/errors.ts';
import type { Invocation, StepEnvironment } from '../steps/environment.ts';
import { lambdaEnvironment } from './environment.ts';
import { type LambdaContext, logger, metrics, tracer } from './powertools.ts';

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

export function serve<const S extends v.GenericSchema, R, A>({
  name,
  event: schema,
  step,
  about,
  answer,
  logged = (result) => result,
}: ServedStep<S, R, A>): (raw: unknown, context: LambdaContext) => Promise<A> {
  return async (raw, context) => {
    const startedMs = performance.now();
    logger.resetKeys();
    logger.appendKeys({ step: name, requestId: context.awsRequestId });
    const segment = tracer.open(name);
    try {
      const event = parseWith(schema, raw, `the event of ${name}`);
      const known = about(event);
      logger.appendKeys(known);
      tracer.annotate(known);
      const invocation: Invocation = {
        requestId: context.awsRequestId,
        remainingMs: () => context.getRemainingTimeInMillis(),
      };
      const result = await step(event, lambdaEnvironment(invocation), invocation);
      const elapsedMs = Math.round(performance.now() - startedMs);
      logger.info('done', { elapsedMs, result: logged(result) });
      count(name, { elapsedMs, failed: 0 });
      return answer(result);
    } catch (error) {
      logger.error('failed', { failure: serializeError(error) });
      if (!isMapReduceError(error, 'CancelledError')) {
        count(name, { elapsedMs: Math.round(performance.now() - startedMs), failed: 1 });
      }
      tracer.fail(error);
      throw answerFor(error);
    } finally {
      tracer.close(segment);
      metrics.publishStoredMetrics();
    }
  };
}

function count(step: string, { elapsedMs, failed }: { elapsedMs: number; failed: number }): void {
  metrics.addDimension('step', step);
  metrics.addMetric('AttemptsFailed', MetricUnit.Count, failed);
  metrics.addMetric('Elapsed', MetricUnit.Milliseconds, elapsedMs);
}
