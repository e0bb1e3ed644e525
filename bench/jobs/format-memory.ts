/** The job of `--memory-formats`: which one, says the environment, since a job has no parameter for its formats. */
import { SINK_CASES, SOURCE_CASES } from './format-cases.ts';

const name = process.env.MAPREDUCE_BENCH_FORMAT ?? '';
const job = SOURCE_CASES[name]?.job ?? SINK_CASES[name];
if (job === undefined) throw new RangeError(`MAPREDUCE_BENCH_FORMAT: there is no case '${name}'`);

export default job();
