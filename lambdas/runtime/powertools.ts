import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics } from '@aws-lambda-powertools/metrics';
import { Tracer } from '@aws-lambda-powertools/tracer';

/** The part of Lambda's context that we use. */
export interface LambdaContext {
  readonly awsRequestId: string;
  readonly getRemainingTimeInMillis: () => number;
}

export const METRICS_NAMESPACE = 'MapReduce';

export const logger = new Logger({ serviceName: process.env.MAPREDUCE_SERVICE ?? 'mapreduce' });

export const metrics = new Metrics({
  namespace: METRICS_NAMESPACE,
  serviceName: process.env.MAPREDUCE_SERVICE ?? 'mapreduce',
});

/** Traces one subsegment per invocation. S3 calls are not traced one by one, because a reduce task makes thousands. */
const xray = new Tracer({ captureHTTPsRequests: false });

export const tracer = {
  open(name: string): OpenSegment | undefined {
    if (!xray.isTracingEnabled()) return undefined;
    const parent = xray.getSegment();
    const own = parent?.addNewSubsegment(`## ${name}`);
    if (parent === undefined || own === undefined) return undefined;
    xray.setSegment(own);
    return { parent, own };
  },
  annotate(annotations: Readonly<Record<string, string | number>>): void {
    for (const [key, value] of Object.entries(annotations)) xray.putAnnotation(key, value);
  },
  fail(error: unknown): void {
    if (error instanceof Error) xray.addErrorAsMetadata(error);
  },
  close(segment: OpenSegment | undefined): void {
    if (segment === undefined) return;
    segment.own.close();
    xray.setSegment(segment.parent);
  },
};

type Segment = NonNullable<ReturnType<Tracer['getSegment']>>;
interface OpenSegment {
  readonly parent: Segment;
  readonly own: ReturnType<Segment['addNewSubsegment']>;
}
