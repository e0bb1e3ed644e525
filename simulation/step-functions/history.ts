/** What an execution did. Only the names of the states are kept, and the numbers of everything. */
import { StateError } from './errors.ts';

export class History {
  /** States in the order in which they were entered, those of an inline Map's iterations included. */
  readonly entered: string[] = [];
  /** Events by type, such as TaskScheduled. */
  readonly counts = new Map<string, number>();
  readonly #eventsMax: number;
  #events = 0;

  constructor(eventsMax: number) {
    this.#eventsMax = eventsMax;
  }

  get events(): number {
    return this.#events;
  }

  /** @throws StateError States.Runtime, which nothing catches, if the history is full */
  add(type: string): void {
    this.#events += 1;
    this.counts.set(type, (this.counts.get(type) ?? 0) + 1);
    // The last event is the one that says so.
    if (this.#events < this.#eventsMax) return;
    throw new StateError(
      'States.Runtime',
      `The execution reached the maximum number of history events (${this.#eventsMax}).`,
    );
  }

  /** The end of an execution is recorded even if its history is full. */
  end(type: string): void {
    this.#events += 1;
    this.counts.set(type, (this.counts.get(type) ?? 0) + 1);
  }

  enter(name: string, type: string): void {
    this.entered.push(name);
    this.add(`${type}StateEntered`);
  }
}
