/**
 * What the parts of the simulated AWS need of each other. All of them run in one process, on one virtual clock and with
 * random numbers from one seed, so that a schedule can be repeated.
 *
 *     EventBridge --startExecution--> Step Functions --invoke--> Lambda --> S3
 *          ^-------------putEvents----------+--getObject (items of a Distributed Map)--^
 */
import type { Clock } from '../src/base/clock.ts';

/** The parts that every simulated service shares. */
export interface World {
  readonly clock: Clock;
  /** Numbers in [0, 1), from the seed of the run. */
  readonly random: () => number;
  /** The date at the clock's current time. The clock's zero is a fixed date. */
  readonly now: () => Date;
}

/** What the simulated Step Functions calls. */
export interface Services {
  /**
   * Invokes a function as Step Functions' `lambda:invoke` does.
   *
   * @param functionArn  of the function, with or without a version
   * @param payload  plain JSON
   * @param options  `isEvent` queues the invocation, as `InvocationType: Event` does, and returns without a payload
   * @returns the payload of the answer, plain JSON; null if the handler returned undefined
   * @throws ServiceError with the names that Step Functions sees, such as Lambda.TooManyRequestsException or
   *     Runtime.ExitError, or the name that the handler threw
   */
  readonly invoke: (
    functionArn: string,
    payload: unknown,
    options?: { readonly isEvent?: boolean },
  ) => Promise<unknown>;
  /**
   * Reads the items of a Distributed Map.
   *
   * @throws ServiceError States.ItemReaderFailed
   */
  readonly getObject: (bucket: string, key: string) => Promise<Buffer>;
  /** Puts events on a bus, as `events:putEvents` does. */
  readonly putEvents: (entries: readonly PutEventsEntry[]) => Promise<void>;
}

export interface PutEventsEntry {
  readonly Source: string;
  readonly DetailType: string;
  readonly EventBusName?: string;
  readonly Detail: unknown;
}

/** What the simulated Step Functions offers: to EventBridge, to users, and to machines that start others. */
export interface StateMachines {
  /**
   * Starts an execution and returns without waiting for its end.
   *
   * @param name  of the execution; made up if absent. A second start with the same name and input returns the first
   * @param input  plain JSON
   */
  startExecution(start: {
    readonly stateMachineArn: string;
    readonly name?: string;
    readonly input: unknown;
  }): Promise<{ readonly executionArn: string }>;
}

/** An error as a state of a machine sees it: `$.Error` is the name, `$.Cause` the cause. */
export class ServiceError extends Error {
  /** Text; of a function that threw, the JSON `{"errorType", "errorMessage", "trace"}`. */
  override readonly cause: string;

  /** @param name  for ErrorEquals */
  constructor(name: string, cause: string) {
    super(`${name}: ${cause}`);
    this.name = name;
    this.cause = cause;
  }
}
