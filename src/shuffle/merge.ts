/**
 * Merges k sorted runs with a tree of losers. Each step costs one comparison per level, ceil(log2 k) in total. It costs
 * no comparison while a run repeats its key.
 *
 *             winner
 *               |
 *           loser 1            tree[n] is the run that lost the match at node n. The run that lost no match is the
 *          /       \           winner. When the winner steps, only the matches on its path to the root are
 *     loser 2     loser 3      played again.
 *      /   \       /   \
 *    run0 run1   run2 run3
 *
 * Stable: among equal keys, the run with the lower index comes first, which is the order of the input.
 * Source: Knuth, The Art of Computer Programming, vol. 3, section 5.4.1.
 *
 * The caller consumes records in synchronous stretches, and awaits the next block of a run between them:
 *
 *     while (await merge.ready()) {
 *       do use(merge.current); while (merge.next());
 *     }
 */
import { compareBytes } from '../base/byte-ranges.ts';
import { type RunCursor, STEP_BLOCK_ENDED, STEP_SAME_KEY } from './run-cursor.ts';

export class KWayMerge {
  readonly #cursors: readonly RunCursor[];
  readonly #opensAtOnce: () => number | undefined;
  readonly #tree: Int32Array;
  #winner = 0;
  /** 'fresh' until every run has read its first block; 'block' when the winner's block is used up. */
  #state: 'fresh' | 'record' | 'block' = 'fresh';
  /** The current record. Its bytes are valid until the next call of ready(). */
  current: RunCursor;

  /**
   * @param cursors  at least one, in the order that decides between equal keys; close() closes them
   * @param opensAtOnce  how many of them may read their first blocks at the same time, asked before each
   */
  constructor(cursors: readonly RunCursor[], opensAtOnce: () => number | undefined = () => undefined) {
    this.#cursors = cursors;
    this.#opensAtOnce = opensAtOnce;
    this.#tree = new Int32Array(Math.max(1, cursors.length));
    this.current = cursors[0]!;
  }

  /** Waits until there is a current record. Returns false at the end of all runs. */
  async ready(): Promise<boolean> {
    if (this.#state === 'fresh') {
      await openAll(this.#cursors, this.#opensAtOnce);
      this.#playAll();
    } else if (this.#state === 'block') {
      await this.current.nextBlock();
      this.#replay();
    }
    this.#state = 'record';
    return !this.current.ended;
  }

  /** Steps to the next record. Returns false if the caller must await ready() first. */
  next(): boolean {
    const step = this.current.step();
    if (step === STEP_SAME_KEY) return true;
    if (step === STEP_BLOCK_ENDED) {
      this.#state = 'block';
      return false;
    }
    this.#replay();
    return true;
  }

  async close(): Promise<void> {
    await Promise.all(this.#cursors.map((cursor) => cursor.close()));
  }

  #replay(): void {
    const tree = this.#tree;
    const cursors = this.#cursors;
    const runs = cursors.length;
    let winner = this.#winner;
    for (let node = (winner + runs) >> 1; node > 0; node >>= 1) {
      const challenger = tree[node]!;
      if (isBefore(cursors[challenger]!, cursors[winner]!)) {
        tree[node] = winner;
        winner = challenger;
      }
    }
    this.#winner = winner;
    this.current = cursors[winner]!;
  }

  #playAll(): void {
    const runs = this.#cursors.length;
    // winners[n] is the run that wins the subtree at node n. The leaves are the nodes from runs to 2 * runs - 1.
    const winners = new Int32Array(2 * runs);
    for (let run = 0; run < runs; run++) winners[runs + run] = run;
    for (let node = runs - 1; node > 0; node--) {
      const left = winners[2 * node]!;
      const right = winners[2 * node + 1]!;
      const rightWins = isBefore(this.#cursors[right]!, this.#cursors[left]!);
      winners[node] = rightWins ? right : left;
      this.#tree[node] = rightWins ? left : right;
    }
    this.#winner = runs === 1 ? 0 : winners[1]!;
    this.current = this.#cursors[this.#winner]!;
  }
}

function isBefore(a: RunCursor, b: RunCursor): boolean {
  if (a.prefix !== b.prefix) return a.prefix < b.prefix;
  if (a.ended) return a.index < b.index;
  const order = compareBytes(a.keyBytes, a.keyStart, a.keyEnd, b.keyBytes, b.keyStart, b.keyEnd);
  return order === 0 ? a.index < b.index : order < 0;
}

/** Reads the first block of each run. After the first failure no further run is opened. */
export async function openAll(
  runs: readonly { nextBlock(): Promise<void> }[],
  opensAtOnce: () => number | undefined,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let next = 0;
  let opening = 0;
  let failed = false;
  const openMore = () => {
    while (!failed && next < runs.length && opening < (opensAtOnce() ?? runs.length)) {
      opening += 1;
      runs[next++]!.nextBlock().then(ended, (error: unknown) => {
        failed = true;
        reject(error);
      });
    }
    if (opening === 0) resolve();
  };
  const ended = () => {
    opening -= 1;
    openMore();
  };
  openMore();
  await promise;
}
