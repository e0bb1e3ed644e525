/** From what the user names (files, folders, prefixes, globs) to the files of a job, in a fixed order. */
export { listLocalInputs } from './list-local-inputs.ts';
export { listStoredInputs } from './list-stored-inputs.ts';
