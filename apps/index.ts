/**
 * The apps by name. The command passes the URL of a job to its workers; the functions on AWS contain the bundled jobs. A
 * job is loaded only when it is used.
 */
import type { Job } from 'serverless-mapreduce';

export interface App {
  /** The URL of the module whose default export is the job. */
  readonly url: URL;
  readonly load: () => Promise<{ readonly default: Job }>;
}

export const apps = {
  'access-log': app('access-log', () => import('./access-log/job.ts')),
  alb: app('alb', () => import('./alb/job.ts')),
  cloudfront: app('cloudfront', () => import('./cloudfront/job.ts')),
  cloudtrail: app('cloudtrail', () => import('./cloudtrail/job.ts')),
  'csv-to-json': app('csv-to-json', () => import('./csv-to-json/job.ts')),
  grep: app('grep', () => import('./grep/job.ts')),
  'grep-count': app('grep-count', () => import('./grep-count/job.ts')),
  'inverted-index': app('inverted-index', () => import('./inverted-index/job.ts')),
  'max-temperature': app('max-temperature', () => import('./max-temperature/job.ts')),
  pi: app('pi', () => import('./pi/job.ts')),
  sort: app('sort', () => import('./sort/job.ts')),
  teragen: app('teragen', () => import('./teragen/job.ts')),
  terasort: app('terasort', () => import('./terasort/job.ts')),
  teravalidate: app('teravalidate', () => import('./teravalidate/job.ts')),
  top: app('top', () => import('./top/job.ts')),
  'vpc-flow': app('vpc-flow', () => import('./vpc-flow/job.ts')),
  'word-count': app('word-count', () => import('./word-count/job.ts')),
} satisfies Record<string, App>;

export type AppName = keyof typeof apps;

/** The sources end in `.ts` and a published build in `.js`. All modules have the same ending as this one. */
function app(name: string, load: App['load']): App {
  return {
    get url() {
      const ending = new URL(import.meta.url).pathname.endsWith('.ts') ? 'ts' : 'js';
      return new URL(`./${name}/job.${ending}`, import.meta.url);
    },
    load,
  };
}
