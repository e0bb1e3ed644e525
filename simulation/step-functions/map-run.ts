/**
 * The Map Run of a Distributed Map: a child execution for each item, each with a history of its own.
 *
 *     MapRunStarted --> one of 1,000 open runs --> seconds --> children, at most MaxConcurrency --> seconds --> MapRunSucceeded
 *                                                      | more failures than are tolerated
 *                                                      +--> the other children are stopped --> MapRunFailed
 */
import type { World } from '../services.ts';
import type { Cancellation } from './cancellation.ts';
import { StateError } from './errors.ts';
import { type ChildrenOfRun, type ExecutionContext, isAborted, stateErrorOf } from './execution-context.ts';
import { History } from './history.ts';
import type { Json } from './json.ts';
import { inParallel } from './map-state.ts';
import type { CoordinatorFaults } from './parts.ts';
import { type StepFunctionsQuotas, TokenBucket } from './quotas.ts';

/** A child of a Map Run, for whoever observes the simulation. */
export interface ChildEnd {
  readonly label: string;
  readonly index: number;
  readonly status: 'SUCCEEDED' | 'FAILED' | 'ABORTED' | 'NOT STARTED';
  readonly error?: string;
  readonly events: number;
}

interface ChildEnds {
  readonly cancellation: Cancellation;
  readonly onChild: (child: ChildEnd) => void;
}

export class MapRuns {
  readonly #world: World;
  readonly #quotas: StepFunctionsQuotas;
  readonly #faults: CoordinatorFaults;
  readonly #starts: TokenBucket;
  readonly #waiting: (() => void)[] = [];
  #open = 0;
  #children = 0;

  constructor(parts: {
    world: World;
    quotas: StepFunctionsQuotas;
    faults: CoordinatorFaults;
  }) {
    this.#world = parts.world;
    this.#quotas = parts.quotas;
    this.#faults = parts.faults;
    const perSecond = parts.quotas.childStartsPerSecond;
    this.#starts = new TokenBucket(parts.world.clock, { size: perSecond, perSecond });
  }

  /** @throws StateError States.ExceedToleratedFailureThreshold */
  async run(run: ChildrenOfRun, onChild: (child: ChildEnd) => void): Promise<Json[]> {
    const { history, cancellation } = run.parent;
    await this.#opened(cancellation);
    const children = cancellation.child();
    try {
      history.add('MapRunStarted');
      await cancellation.sleep(this.#world.clock, this.#quotas.mapRunStartMs);
      const results = await this.#runChildren(run, { cancellation: children, onChild });
      await cancellation.sleep(this.#world.clock, this.#quotas.mapRunEndMs);
      history.add('MapRunSucceeded');
      return results;
    } catch (thrown) {
      const error = stateErrorOf(thrown);
      if (error.error !== 'States.Runtime') history.add('MapRunFailed');
      throw error;
    } finally {
      children.abort();
      cancellation.release(children);
      this.#open -= 1;
      this.#waiting.shift()?.();
    }
  }

  async #opened(cancellation: Cancellation): Promise<void> {
    while (this.#open >= this.#quotas.openMapRunsMax) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiting.push(resolve);
      await cancellation.race(promise);
    }
    this.#open += 1;
  }

  async #runChildren(run: ChildrenOfRun, ends: ChildEnds): Promise<Json[]> {
    const { state, items, name } = run;
    const atOnce = Math.min(
      state.MaxConcurrency || this.#quotas.childrenAtOnceMax,
      this.#quotas.childrenAtOnceMax,
    );
    const tolerated = Math.max(
      state.ToleratedFailureCount ?? 0,
      Math.floor(((state.ToleratedFailurePercentage ?? 0) / 100) * items.length),
    );
    const results: Json[] = Array.from(items, () => null);
    let failures = 0;
    await inParallel(items.length, atOnce, async (index) => {
      const label = state.Label ?? name;
      const fault = this.#faults.child?.({ label, index });
      if (fault === 'not started') {
        ends.onChild({ label, index, status: 'NOT STARTED', events: 0 });
        return;
      }
      const child = () => this.#child(run, { index, label, ...ends });
      const other = fault === 'runs twice' ? child() : undefined;
      other?.catch(() => {});
      const output = await child();
      if (output !== undefined) results[index] = output;
      else if (fault !== 'failure swallowed') failures += 1;
      if (failures > tolerated) {
        throw new StateError(
          'States.ExceedToleratedFailureThreshold',
          'The specified tolerated failure threshold was exceeded',
        );
      }
    });
    return results;
  }

  /** @returns undefined if the child failed */
  async #child(
    { state, items, name, parent, runItem }: ChildrenOfRun,
    { index, label, cancellation, onChild }: ChildEnds & { index: number; label: string },
  ): Promise<Json | undefined> {
    const { world, quotas, context } = parent;
    const history = new History(quotas.historyEventsMax);
    const ended = (status: ChildEnd['status'], error?: string) => {
      history.end(`Execution${status}`);
      onChild({ label, index, status, events: history.events, ...(error === undefined ? {} : { error }) });
    };
    try {
      await cancellation.sleep(world.clock, this.#starts.reserve());
      const id = `${(context.StateMachine as { Id: string }).Id}/${label}:child-${this.#children++}`;
      const child: ExecutionContext = {
        ...parent,
        history,
        cancellation,
        isExpress: state.ItemProcessor.ProcessorConfig?.ExecutionType === 'EXPRESS',
        context: {
          Execution: { Id: id, Name: id, StartTime: world.now().toISOString(), Input: items[index]! },
          StateMachine: { Id: id, Name: name },
        },
      };
      history.add('ExecutionStarted');
      // The start of a child is a transition.
      if (!child.isExpress) parent.onTransition();
      const output = await runItem(items[index]!, child);
      ended('SUCCEEDED');
      return output;
    } catch (thrown) {
      if (isAborted(thrown)) {
        ended('ABORTED');
        throw thrown;
      }
      ended('FAILED', stateErrorOf(thrown).error);
      return undefined;
    }
  }
}
