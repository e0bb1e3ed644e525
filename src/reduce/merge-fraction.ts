/** Fraction of a reduce attempt's memory for open runs. The rest is for the values of a group, the output and the heap. */
export const MERGE_FRACTION = 0.6;
