/**
 * Runs a command as a child process, and measures its time, its CPU seconds and its memory.
 *
 * The command runs under `sh`, whose `times` reports the CPU seconds of all its descendants after they have ended, and
 * whose /proc/<pid>/io the bytes that they read and wrote. Node cannot report them. The memory does not include the shell
 * itself (under 1 MB).
 */
import { spawn } from 'node:child_process';
import { memoryOfDescendants, type TreeMemory } from './process-tree.ts';

/** Samples more often while the process starts, so that a run of 50 ms is measured too. */
const SAMPLE_EARLY_MS = 5;
const SAMPLE_MS = process.platform === 'linux' ? 50 : 250;
const EARLY_UNTIL_MS = 300;
const OUTPUT_KEPT_CHARACTERS = 4_000;
/** Reads /proc without another process. The file also counts the children that have ended. */
const SHELL = `"$@" 3>&-; status=$?; times >&3
  [ -r /proc/$$/io ] && while read -r line; do echo "$line" >&3; done < /proc/$$/io
  exit $status`;

export interface Measurement {
  readonly wallMs: number;
  readonly cpuUserMs: number;
  readonly cpuSystemMs: number;
  /** The peak of the whole process tree: the highest sample, or the highest peak of one process if that is more. */
  readonly peakBytes: number;
  /** The highest sample of anonymous memory. Defined only on Linux. */
  readonly peakAnonymousBytes: number | undefined;
  /** What all processes read and wrote by system calls, without mapped files. Defined only on Linux. */
  readonly movedBytes: number | undefined;
}

/** The command failed, or ended with an exit code other than 0. */
export class RunFailed extends Error {
  override readonly name = 'RunFailed';
}

const running = new Set<number>();

/** Resolves when the command has ended. Its stdout and stderr are kept only for the message of a failure. */
export function measure(options: {
  command: readonly string[];
  env?: Readonly<Record<string, string>>;
}): Promise<Measurement> {
  const { command, env } = options;
  const startedMs = performance.now();
  // Starts a new process group, so that an interrupted benchmark can end the whole tree.
  const child = spawn('sh', ['-c', SHELL, 'sh', ...command], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    detached: true,
  });
  const pid = child.pid;
  if (pid !== undefined) running.add(pid);

  const kept = tail(OUTPUT_KEPT_CHARACTERS);
  child.stdout!.setEncoding('utf8').on('data', kept.add);
  child.stderr!.setEncoding('utf8').on('data', kept.add);
  let times = '';
  child.stdio[3]!.on('data', (text: Buffer) => {
    times += text.toString('latin1');
  });

  const peak = peakMemory();
  let timer: NodeJS.Timeout;
  const sample = () => {
    if (pid !== undefined) peak.add(memoryOfDescendants(pid));
    timer = setTimeout(sample, performance.now() - startedMs < EARLY_UNTIL_MS ? SAMPLE_EARLY_MS : SAMPLE_MS);
  };
  sample();

  return new Promise((resolve, reject) => {
    let wallMs = 0;
    child.once('error', (error) => {
      clearTimeout(timer);
      reject(new RunFailed(`cannot start a shell: ${error.message}`, { cause: error }));
    });
    child.once('exit', () => {
      wallMs = performance.now() - startedMs;
      clearTimeout(timer);
      running.delete(pid!);
    });
    child.once('close', (code, signal) => {
      if (code !== 0) {
        const how = signal === null ? `exit code ${code}` : `signal ${signal}`;
        reject(new RunFailed(`${command.join(' ')}\nended with ${how}:\n${kept.text()}`));
        return;
      }
      const [cpuUserMs, cpuSystemMs] = parseTimes(times);
      resolve({ wallMs, cpuUserMs, cpuSystemMs, ...peak.result(), movedBytes: parseMoved(times) });
    });
  });
}

/** Ends the whole process tree of every active run. Called once, when the benchmark is interrupted. */
export function stopRunning(): void {
  for (const pid of running) {
    try {
      process.kill(-pid, 'SIGKILL');
    } catch {
      // The process has already ended.
    }
  }
}

/**
 * Parses the second line that `times` prints, which is about the shell's children: `1m2.345s 0m0.678s`. Returns
 * milliseconds. Exported for its test.
 */
export function parseTimes(text: string): [userMs: number, systemMs: number] {
  const line = text.split('\n')[1] ?? '';
  const match = /(\d+)m([\d.,]+)s\s+(\d+)m([\d.,]+)s/.exec(line);
  if (match === null) throw new RunFailed(`cannot read CPU times from ${JSON.stringify(text)}`);
  const milliseconds = (minutes: string, seconds: string) =>
    Math.round((Number(minutes) * 60 + Number(seconds.replace(',', '.'))) * 1000);
  return [milliseconds(match[1]!, match[2]!), milliseconds(match[3]!, match[4]!)];
}

/** Adds up `rchar` and `wchar`, which count bytes of files, pipes and sockets. Exported for its test. */
export function parseMoved(text: string): number | undefined {
  const counts = [...text.matchAll(/^[rw]char: (\d+)$/gm)].map(([, bytes]) => Number(bytes));
  return counts.length === 2 ? counts[0]! + counts[1]! : undefined;
}

function peakMemory() {
  let peakBytes = 0;
  let peakAnonymousBytes: number | undefined;
  return {
    add({ residentBytes, anonymousBytes, processPeakBytes }: TreeMemory) {
      peakBytes = Math.max(peakBytes, residentBytes, processPeakBytes ?? 0);
      if (anonymousBytes !== undefined)
        peakAnonymousBytes = Math.max(peakAnonymousBytes ?? 0, anonymousBytes);
    },
    result: () => ({ peakBytes, peakAnonymousBytes }),
  };
}

function tail(charactersMax: number) {
  let text = '';
  return {
    add(more: string) {
      text = (text + more).slice(-charactersMax);
    },
    text: () => text,
  };
}
