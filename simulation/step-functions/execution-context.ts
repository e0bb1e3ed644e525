/** What the states of one execution share, and what they do with errors. */
import { ServiceError, type World } from '../services.ts';
import { Aborted, type Cancellation } from './cancellation.ts';
import type { MapDefinition } from './definition.ts';
import { StateError } from './errors.ts';
import type { History } from './history.ts';
import { type Json, jsonBytes } from './json.ts';
import type { StepFunctionsQuotas, TokenBucket } from './quotas.ts';

/** What the states of one execution share. */
export interface ExecutionContext {
  readonly world: World;
  readonly quotas: StepFunctionsQuotas;
  readonly transitions: TokenBucket;
  readonly history: History;
  readonly cancellation: Cancellation;
  /** The context object, without `State` and `Map`. */
  readonly context: { readonly [name: string]: Json };
  /** An EXPRESS child has no history and is not counted in transitions. */
  readonly isExpress: boolean;
  readonly onTransition: () => void;
  readonly services: ServicesOfStates;
}

/** What tasks and Distributed Maps call. */
export interface ServicesOfStates {
  readonly invoke: (functionArn: string, payload: Json, options: { isEvent: boolean }) => Promise<Json>;
  readonly startExecution: (stateMachineArn: string, input: Json, name?: string) => Promise<Json>;
  readonly putEvents: (entries: Json) => Promise<void>;
  readonly getObject: (bucket: string, key: string) => Promise<Buffer>;
  readonly runChildren: (run: ChildrenOfRun) => Promise<Json[]>;
}

/** The Map Run of one Distributed Map. */
export interface ChildrenOfRun {
  readonly state: MapDefinition;
  readonly name: string;
  readonly items: readonly Json[];
  readonly parent: ExecutionContext;
  readonly runItem: RunItem;
}

/** Runs the processor of a Map for one item. */
export type RunItem = (item: Json, execution: ExecutionContext) => Promise<Json>;

export interface StateRun {
  readonly input: Json;
  readonly entered: { readonly name: string; readonly enteredTime: string };
  readonly execution: ExecutionContext;
}

/** @throws the error itself if no state may handle it: a stopped execution, or a defect of the simulation */
export function stateErrorOf(error: unknown): StateError {
  if (error instanceof StateError) return error;
  if (error instanceof ServiceError) return new StateError(error.name, error.cause);
  throw error;
}

export function isAborted(error: unknown): boolean {
  return error instanceof Aborted;
}

/** @throws StateError States.DataLimitExceeded */
export function assertSize(value: Json, { quotas }: Pick<ExecutionContext, 'quotas'>, what: string): void {
  const bytes = jsonBytes(value);
  if (bytes <= quotas.stateBytesMax) return;
  throw new StateError(
    'States.DataLimitExceeded',
    `${what} has ${bytes} bytes, more than the maximum of ${quotas.stateBytesMax}`,
  );
}
