/** Keeps the newest `itemsMax` items, in the order in which they were added. */
export class BoundedList<T> {
  readonly #itemsMax: number;
  readonly #items: T[] = [];
  #oldest = 0;

  constructor(itemsMax: number) {
    this.#itemsMax = itemsMax;
  }

  add(item: T): void {
    if (this.#items.length < this.#itemsMax) {
      this.#items.push(item);
    } else if (this.#itemsMax > 0) {
      this.#items[this.#oldest] = item;
      this.#oldest = (this.#oldest + 1) % this.#itemsMax;
    }
  }

  toArray(): T[] {
    return [...this.#items.slice(this.#oldest), ...this.#items.slice(0, this.#oldest)];
  }
}
