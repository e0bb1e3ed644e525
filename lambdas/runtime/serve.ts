/** Serves a step in this process: adds job, stage, task and attempt to every log line, and records metrics and traces. */
import { MetricUnit } from '@aws-lambda-powertools/metrics';
import type * as v from 'valibot';
import { systemClock } from '../../src/base/clock.ts';
import { isMapReduceError, serializeError } from '../../src/base/errors.ts';
import type { ServedStep } from '../served/served-step.ts';
import { lambdaEnvironment } from './environment.ts';
import type { WakeParts } from './execution-environment.ts';
import { type LambdaContext, logger, metrics, tracer } from './powertools.ts';
import { serveStep, type Telemetry } from './serve-step.ts';

/** @param wakes  for the function that wakes others */
export function serve<const S extends v.GenericSchema, R, A>(
  definition: ServedStep<S, R, A>,
  wakes: Pick<WakeParts, 'sendWake'> = {},
): (raw: unknown, context: LambdaContext) => Promise<A | undefined> {
  const environmentOf = lambdaEnvironment({ ...wakes, onWakeFailed });
  return serveStep(definition, { environmentOf, clock: systemClock, telemetryOf });
}

function onWakeFailed(functionArn: string, error: unknown): void {
  logger.warn('a function was not woken, so its step starts cold', {
    functionArn,
    failure: serializeError(error),
  });
}

function telemetryOf(step: string, { awsRequestId }: LambdaContext): Telemetry {
  logger.resetKeys();
  logger.appendKeys({ step, requestId: awsRequestId });
  const segment = tracer.open(step);
  return {
    known(about) {
      logger.appendKeys(about);
      tracer.annotate(about);
    },
    done(result, elapsedMs) {
      logger.info('done', { elapsedMs, result });
      count(step, { elapsedMs, failed: 0 });
    },
    failed(error, elapsedMs) {
      logger.error('failed', { failure: serializeError(error) });
      if (!isMapReduceError(error, 'CancelledError')) count(step, { elapsedMs, failed: 1 });
      tracer.fail(error);
    },
    ended() {
      tracer.close(segment);
      metrics.publishStoredMetrics();
    },
  };
}

function count(step: string, { elapsedMs, failed }: { elapsedMs: number; failed: number }): void {
  metrics.addDimension('step', step);
  metrics.addMetric('AttemptsFailed', MetricUnit.Count, failed);
  metrics.addMetric('Elapsed', MetricUnit.Milliseconds, elapsedMs);
}
