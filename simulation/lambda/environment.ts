/**
 * One execution environment of a function, as far as the code in it can notice:
 *
 *     running --answer--> frozen --next invocation--> running        timers and answers that come due while it is frozen
 *        |                  |                                        reach it when it runs again
 *        +-------dead-------+                                        nothing reaches it any more
 *
 * Its code runs in this process. One that is dead is not stopped, but gets no answer to anything, and its requests are not
 * sent. So whatever it does after its death has no effect.
 */
import type { Clock } from '../../src/base/clock.ts';
import { MiB } from '../../src/base/limits.ts';
import type { S3Link } from '../s3/s3.ts';
import type { World } from '../services.ts';
import type { DeathFault, LambdaFaults, PlannedDeath } from './faults.ts';
import { Network } from './network.ts';

/** CPU that the client of S3 needs, on a whole core. */
export interface ClientCpu {
  readonly getMs: number;
  /** For each MiB that is received or sent. */
  readonly movedMsPerMiB: number;
}

/** For tests of faults, in which only the order of events matters. */
export const FREE_CPU: ClientCpu = { getMs: 0, movedMsPerMiB: 0 };

export interface EnvironmentParts {
  readonly world: World;
  readonly faults: LambdaFaults;
  readonly cpu: ClientCpu;
}

export class SimulatedEnvironment {
  /** Of the environment: for its store and its steps. */
  readonly clock: Clock;
  readonly link: S3Link;
  /** Called when it dies of its own. */
  onDeath: () => void = () => {};
  #state: 'running' | 'frozen' | 'dead' = 'running';
  readonly #parts: EnvironmentParts;
  readonly #network = new Network();
  /** What came due while it was frozen. */
  #waiting: (() => void)[] = [];
  #busyUntilMs = 0;
  #death: PlannedDeath | undefined;
  #hangs = false;
  #calls = 0;
  #clockReads = 0;

  constructor(parts: EnvironmentParts) {
    this.#parts = parts;
    this.clock = {
      nowMs: () => this.#readClock(),
      after: (delayMs, callback) => this.#after(delayMs, callback),
    };
    this.link = {
      clock: this.clock,
      transferMs: (bytes) => this.#network.transferMs(bytes, parts.world.clock.nowMs()),
      calling: ({ operation }) => this.#beforeCall(operation === 'GetObject'),
      die: () => this.#dieOf('dies-after-call'),
      received: (bytes) => this.compute((bytes / MiB) * parts.cpu.movedMsPerMiB),
      sent: (bytes) => this.compute((bytes / MiB) * parts.cpu.movedMsPerMiB),
    };
  }

  get isDead(): boolean {
    return this.#state === 'dead';
  }

  /** An invocation begins. What came due in the meantime happens before it. */
  thaw(faults: { readonly death?: PlannedDeath; readonly hangs: boolean }): void {
    this.#state = 'running';
    this.#death = faults.death;
    this.#hangs = faults.hangs;
    this.#calls = 0;
    this.#clockReads = 0;
    const due = this.#waiting;
    this.#waiting = [];
    for (const callback of due) callback();
  }

  freeze(): void {
    if (this.#state === 'running') this.#state = 'frozen';
  }

  die(): void {
    this.#state = 'dead';
    this.#waiting = [];
  }

  /** The code keeps its thread busy: nothing else happens in the environment until then. */
  compute(ms: number): void {
    if (ms === 0) return;
    this.#busyUntilMs = Math.max(this.#busyUntilMs, this.#parts.world.clock.nowMs()) + ms;
  }

  /** The same for code that can wait until it is done. */
  async computed(ms: number): Promise<void> {
    this.compute(ms);
    await new Promise<void>((resolve) => this.clock.after(0, resolve));
  }

  #after(delayMs: number, callback: () => void): () => void {
    const { clock } = this.#parts.world;
    let isCancelled = false;
    const due = () => {
      if (isCancelled || this.#state === 'dead') return;
      if (this.#state === 'frozen') {
        this.#waiting.push(due);
        return;
      }
      const busyMs = this.#busyUntilMs - clock.nowMs();
      if (busyMs > 0) cancel = clock.after(busyMs, due);
      else callback();
    };
    let cancel = clock.after(delayMs, due);
    return () => {
      isCancelled = true;
      cancel();
    };
  }

  /** A function that dies here does nothing that reaches others until its next request, which is not sent. */
  #readClock(): number {
    this.#clockReads += 1;
    if (this.#shouldDie('dies-at-clock-read', this.#clockReads)) this.#dieOf('dies-at-clock-read');
    return this.#parts.world.clock.nowMs();
  }

  #beforeCall(isGet: boolean): 'dies-before' | 'dies-after' | undefined {
    if (this.#state === 'dead' || this.#hangs) return 'dies-before';
    this.#calls += 1;
    if (isGet) this.compute(this.#parts.cpu.getMs);
    if (this.#shouldDie('dies-before-call', this.#calls)) {
      this.#dieOf('dies-before-call');
      return 'dies-before';
    }
    return this.#shouldDie('dies-after-call', this.#calls) ? 'dies-after' : undefined;
  }

  #shouldDie(kind: DeathFault, count: number): boolean {
    if (this.#state !== 'running') return false;
    if (this.#death?.kind === kind && this.#death.at === count) return true;
    return this.#parts.faults.dies(kind);
  }

  #dieOf(kind: DeathFault): void {
    if (this.#state === 'dead') return;
    this.#parts.faults.died(kind);
    this.die();
    this.onDeath();
  }
}
