/** A stack trace for users: the frames of their own code, and the number of omitted frames. */
import { fileURLToPath } from 'node:url';

const FRAMES_MAX = 10;

export interface UserStack {
  /** Text before the frames that is not the error's message. For a module that does not parse, it is the file and line. */
  readonly head: string;
  /** `at parse (/home/me/job.ts:12:5)` */
  readonly frames: readonly string[];
  /** The number of omitted frames, which are those of this package and of Node. */
  readonly hidden: number;
}

/**
 * @param packageRoot  frames in its src/, dist/src/ and dist/command/ are the engine's; those of its apps are the user's. In a stack
 *   that comes from a function, the same of the folder that it was bundled from.
 */
export function userStack(stack: string, packageRoot: URL): UserStack {
  const lines = stack.split('\n');
  const isFrame = (line: string) => /^\s+at /.test(line);
  const first = lines.findIndex(isFrame);
  const head = (first === -1 ? lines : lines.slice(0, first)).join('\n').trimEnd();
  const all = lines
    .filter(isFrame)
    .map((line) => line.trim().replace(/file:\/\/[^\s)]*?(?=:\d|\)|$)/, pathOf));
  const roots = [fileURLToPath(packageRoot), ...bundledRoot(all)];
  const engine = roots.flatMap((root) => [`${root}src/`, `${root}dist/src/`, `${root}dist/command/`]);
  const isEngine = (frame: string) =>
    engine.some((folder) => frame.includes(`(${folder}`) || frame.includes(` ${folder}`)) ||
    /\(?node:/.test(frame);
  const own = all.filter((frame) => !isEngine(frame));
  // Frames of built-ins such as Array.map are useless without frames of the user.
  const frames = own.some((frame) => /:\d+:\d+\)?$/.test(frame)) ? own.slice(0, FRAMES_MAX) : [];
  return { head, frames, hidden: all.length - frames.length };
}

/** The stack of every attempt goes through one of these files. */
function bundledRoot(frames: readonly string[]): string[] {
  for (const frame of frames) {
    const [, root] =
      /(?:\(|at )(\S*?\/)(?:dist\/)?src\/(?:map\/map-task|reduce\/reduce-task|reduce\/group-reducer|api\/user-code)\.[jt]s:/.exec(
        frame,
      ) ?? [];
    if (root !== undefined) return [root];
  }
  return [];
}

function pathOf(url: string): string {
  try {
    return fileURLToPath(url);
  } catch {
    return url;
  }
}
