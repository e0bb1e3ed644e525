/** Lists the input files of a job, in a fixed order, from the names that the user gave: files, folders, prefixes, globs. */
export { listLocalInputs } from './list-local-inputs.ts';
export { listStoredInputs } from './list-stored-inputs.ts';
