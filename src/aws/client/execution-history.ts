/**
 * What the history of an execution says about the functions that its states called. Children of a Distributed Map have
 * histories of their own. Iterations of an inline Map are part of this one, and of what is counted here.
 */
import type { HistoryEvent } from '@aws-sdk/client-sfn';
import { callAws, isAwsError } from './aws-errors.ts';
import type { Deployment } from './deployment.ts';

export interface ExecutionHistory {
  readonly transitions: number;
  /** By the name of the state that called the functions. For an inline Map, that of the Map. */
  readonly steps: ReadonlyMap<string, Step>;
  /** Functions that iterations of an inline Map are waiting for. */
  readonly inlineRunning: number;
}

interface Step {
  readonly invocations: number;
  /** Of all invocations together. */
  readonly ms: number;
}

/** The history of a few tasks is one page. Step Functions returns at most 1,000 events per request. */
const EVENTS_PER_PAGE = 1_000;

export async function executionHistory(
  { sfn }: Pick<Deployment, 'sfn'>,
  executionArn: string,
): Promise<ExecutionHistory> {
  const { paginateGetExecutionHistory } = await import('@aws-sdk/client-sfn');
  const events: HistoryEvent[] = [];
  await callAws({ action: 'states:GetExecutionHistory', on: executionArn }, async () => {
    const question = { executionArn, includeExecutionData: false, maxResults: EVENTS_PER_PAGE };
    try {
      for await (const page of paginateGetExecutionHistory({ client: sfn }, question))
        events.push(...(page.events ?? []));
    } catch (error) {
      // The first execution of a job that was redriven after months has expired.
      if (!isAwsError(error, 'ExecutionDoesNotExist')) throw error;
    }
  });
  return readHistory(events);
}

/** Ends an invocation that `TaskScheduled` began. */
const INVOCATION_ENDS: ReadonlySet<string> = new Set(['TaskSucceeded', 'TaskFailed', 'TaskTimedOut']);
const MAP_ENDS: ReadonlySet<string> = new Set(['MapStateExited', 'MapStateFailed', 'MapStateAborted']);

/**
 * No two states of a job run at the same time, so everything between the start and the end of a Map belongs to it. That is
 * enough for MiniStack, whose events do not name the event before them, and have no states of iterations.
 */
export function readHistory(events: readonly HistoryEvent[]): ExecutionHistory {
  const steps = new Map<string, Step>();
  let transitions = 0;
  let state = '';
  let enteredMs = 0;
  let map: { open: number; sinceMs: number } | undefined;
  const add = (more: Partial<Step>) => {
    const { invocations, ms } = steps.get(state) ?? { invocations: 0, ms: 0 };
    steps.set(state, { invocations: invocations + (more.invocations ?? 0), ms: ms + (more.ms ?? 0) });
  };
  for (const { type = '', timestamp, stateEnteredEventDetails } of events) {
    const atMs = timestamp?.getTime() ?? 0;
    if (type.endsWith('StateEntered')) transitions++;
    if (map === undefined) {
      if (type === 'TaskStateEntered' || type === 'MapStateEntered') {
        state = stateEnteredEventDetails?.name ?? '';
        enteredMs = atMs;
      }
      if (type === 'MapStateEntered') map = { open: 0, sinceMs: atMs };
      if (type === 'TaskScheduled') add({ invocations: 1 });
      if (type === 'TaskStateExited') add({ ms: atMs - enteredMs });
      continue;
    }
    if (map.open > 0) add({ ms: map.open * (atMs - map.sinceMs) });
    map.sinceMs = atMs;
    if (type === 'TaskScheduled') {
      add({ invocations: 1 });
      map.open++;
    }
    if (INVOCATION_ENDS.has(type)) map.open = Math.max(0, map.open - 1);
    if (MAP_ENDS.has(type)) map = undefined;
  }
  return { transitions, steps, inlineRunning: map?.open ?? 0 };
}
