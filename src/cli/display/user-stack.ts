/** A stack trace for users: the frames of their own code, and how many others were left out. */
import { fileURLToPath } from 'node:url';

const FRAMES_MAX = 10;

export interface UserStack {
  /** What comes before the frames and is not the error's message: for a module that does not parse, file and line. */
  readonly head: string;
  /** `at parse (/home/me/job.ts:12:5)` */
  readonly frames: readonly string[];
  /** Frames left out: of this package and of Node. */
  readonly hidden: number;
}

/**
 * @param packageRoot  frames in its src/ and dist/src/ are the engine's; those of its apps are the user's. In a stack
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
  const engine = roots.flatMap((root) => [`${root}src/`, `${root}dist/src/`]);
  const isEngine = (frame: string) =>
    engine.some((folder) => frame.includes(`(${folder}`) || frame.includes(` ${folder}`)) ||
    /\(?node:/.test(frame);
  const own = all.filter((frame) => !isEngine(frame));
  // Built-ins such as Array.map are of no use without frames of the user.
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
