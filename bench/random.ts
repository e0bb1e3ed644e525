/**
 * Mulberry32 (Tommy Ettinger, public domain). It has one 32-bit word of state, takes one step per number, and gives the same
 * numbers on every machine. It is good enough for test data, and so small that V8 inlines it into the generators' loops. Its
 * period is 2^32.
 */
export class Random {
  private state: number;

  constructor(seed: number) {
    this.state = seed | 0;
  }

  /** A signed 32-bit integer. */
  nextInt32(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return mixed ^ (mixed >>> 14);
  }

  /** A whole number in [0, limit). `limit` is at most 2^32. */
  below(limit: number): number {
    return Math.floor(((this.nextInt32() >>> 0) * limit) / 0x1_0000_0000);
  }
}
