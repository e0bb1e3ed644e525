/** Repeats each rank in proportion to Zipf's law with exponent 1 among 65,536 entries, but at least once. */
export function zipfRanks(ranks: number): Uint16Array {
  let total = 0;
  for (let rank = 1; rank <= ranks; rank++) total += 1 / rank;
  const entries: number[] = [];
  for (let rank = 1; rank <= ranks; rank++) {
    const times = Math.max(1, Math.round(65_536 / rank / total));
    for (let i = 0; i < times; i++) entries.push(rank);
  }
  return Uint16Array.from(entries);
}
