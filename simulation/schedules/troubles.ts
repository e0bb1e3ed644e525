/** What goes wrong with invocations of functions. */
import type { Random } from '../random.ts';

export type Trouble =
  /** Lambda does not run the function. */
  | { readonly kind: 'refused'; readonly error: string }
  /** Step Functions gets no answer, and the function goes on: two environments on one attempt. */
  | { readonly kind: 'answer lost'; readonly afterMs: number }
  /** Lambda runs the function twice, and Step Functions gets either answer. */
  | { readonly kind: 'runs twice'; readonly afterMs: number; readonly answer: 0 | 1 }
  /** The process ends at a request, before or after S3 has executed it. */
  | {
      readonly kind: 'dies at a request';
      readonly at: number;
      readonly effect: 'dies-before' | 'dies-after';
      readonly error: string;
    }
  | { readonly kind: 'dies at a clock read'; readonly at: number; readonly error: string }
  /** The environment stops before it sends a request, and goes on later if its time limit has not passed. */
  | { readonly kind: 'pauses'; readonly at: number; readonly forMs: number }
  /** The same, but Step Functions is told that the process has ended. */
  | { readonly kind: 'resumes late'; readonly at: number; readonly forMs: number; readonly error: string };

const DEATHS = ['Runtime.ExitError', 'Runtime.OutOfMemory', 'Sandbox.Timedout', 'Lambda.Unknown'] as const;
const REFUSALS = ['Lambda.TooManyRequestsException', 'Lambda.ServiceException'] as const;

export interface TroubleOptions {
  readonly random: Random;
  /** For each invocation. */
  readonly probability: number;
  /** In all. */
  readonly troublesMax: number;
  /** Of the invocations for one task, or of one step. */
  readonly perTaskMax: number;
}

export class Troubles {
  readonly #options: TroubleOptions;
  readonly #byTask = new Map<string, number>();
  #left: number;

  constructor(options: TroubleOptions) {
    this.#options = options;
    this.#left = options.troublesMax;
  }

  /** @param task  what the invocation is for: a task of a job, or a step */
  next(task: string): Trouble | undefined {
    const { random, probability, perTaskMax } = this.#options;
    const before = this.#byTask.get(task) ?? 0;
    const isNow = random.chance(probability);
    if (!isNow || this.#left === 0 || before >= perTaskMax) return undefined;
    this.#left -= 1;
    this.#byTask.set(task, before + 1);
    return troubleOf(random);
  }
}

function troubleOf(random: Random): Trouble {
  const at = random.chance(0.5) ? random.int(1, 6) : random.int(1, 25);
  const error = random.pick(DEATHS);
  const forMs = random.pick([500, 6_000, 40_000, 400_000, 2_000_000]) * (0.5 + random.int(0, 100) / 100);
  return random.weighted<Trouble>([
    [2, { kind: 'refused', error: random.pick(REFUSALS) }],
    [2, { kind: 'answer lost', afterMs: random.int(1, 3_000) }],
    [2, { kind: 'runs twice', afterMs: random.int(0, 2_000), answer: random.pick([0, 1] as const) }],
    [
      5,
      { kind: 'dies at a request', at, effect: random.pick(['dies-before', 'dies-after'] as const), error },
    ],
    [1, { kind: 'dies at a clock read', at: at * 3, error }],
    [2, { kind: 'pauses', at, forMs }],
    [3, { kind: 'resumes late', at, forMs, error }],
  ]);
}
