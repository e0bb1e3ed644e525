/**
 * The names of the job machine's states. They are part of what a person sees in the console, and of the stored history. The
 * stack defines the states; the command finds them in a definition and in a history.
 */
import type { Stage } from '../../base/ids.ts';

/** Begins the names of a stage's states. */
export type StageTitle = Capitalize<Stage>;

export function stageTitle<S extends Stage>(stage: S): Capitalize<S> {
  // The cast: to the compiler, parts of a text are just strings.
  return `${stage.charAt(0).toUpperCase()}${stage.slice(1)}` as Capitalize<S>;
}

/** The Distributed Map that runs the tasks of a stage. */
export function taskStateOf(stage: Stage): `${StageTitle}Stage` {
  return `${stageTitle(stage)}Stage`;
}

/** The inline Map that runs the tasks of a small stage. */
export function inlineStateOf(stage: Stage): `${StageTitle}Inline` {
  return `${stageTitle(stage)}Inline`;
}

/** The state that starts the watch of a stage. */
export function watchStateOf(stage: Stage): `Watch${StageTitle}` {
  return `Watch${stageTitle(stage)}`;
}
