/** How many cases the property tests of formats try: MAPREDUCE_TEST_RUNS, or few enough for every change. */
export const PROPERTY_RUNS = { numRuns: Number(process.env.MAPREDUCE_TEST_RUNS ?? 500) };
