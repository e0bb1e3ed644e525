/**
 * `serverless-mapreduce/cdk`: MapReduce for a CDK app of your own.
 *
 * @example
 * import { App, Stack } from 'aws-cdk-lib';
 * import { MapReduce } from 'serverless-mapreduce/cdk';
 *
 * const stack = new Stack(new App(), 'Analytics');
 * new MapReduce(stack, 'Jobs', { jobs: 'jobs.ts' });
 */
export { MapReduce } from './construct/map-reduce.ts';
export type { MapReduceProps } from './construct/props.ts';
export { MapReduceStack } from './deploy/stack.ts';
