/**
 * The apps by name: for the command line, which passes a job's URL on to its workers, and for the functions on AWS,
 * into which they are bundled. No job is loaded before it is asked for.
 */
import type { Job } from 'serverless-mapreduce';

export interface App {
  /** Of the module whose default export is the job. */
  readonly url: URL;
  readonly load: () => Promise<{ readonly default: Job }>;
}

export const apps = {
  'access-log': app('access-log', () => import('./access-log/job.ts')),
  grep: app('grep', () => import('./grep/job.ts')),
  'grep-count': app('grep-count', () => import('./grep-count/job.ts')),
  'inverted-index': app('inverted-index', () => import('./inverted-index/job.ts')),
  'max-temperature': app('max-temperature', () => import('./max-temperature/job.ts')),
  sort: app('sort', () => import('./sort/job.ts')),
  top: app('top', () => import('./top/job.ts')),
  'word-count': app('word-count', () => import('./word-count/job.ts')),
} satisfies Record<string, App>;

export type AppName = keyof typeof apps;

/** The sources are `.ts`, a published build is `.js`: all modules have the ending that this one has. */
function app(name: string, load: App['load']): App {
  return {
    get url() {
      const ending = new URL(import.meta.url).pathname.endsWith('.ts') ? 'ts' : 'js';
      return new URL(`./${name}/job.${ending}`, import.meta.url);
    },
    load,
  };
}
