/**
 * What a job's own code prints while it runs goes to stderr: stdout is for the summary or, with --json, the report. On
 * worker threads the pool hands it over; without threads it would go to this process's stdout directly.
 */

/** Until the function it answers is called, what is written to stdout goes to `print`. */
export function divertStdout(print: (text: string) => void): () => void {
  const { stdout } = process;
  const write = stdout.write;
  stdout.write = ((
    chunk: string | Uint8Array,
    encodingOrDone?: BufferEncoding | ((error?: Error | null) => void),
    done?: (error?: Error | null) => void,
  ) => {
    print(typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('utf8'));
    const callback = typeof encodingOrDone === 'function' ? encodingOrDone : done;
    if (callback) process.nextTick(callback);
    return true;
  }) as typeof stdout.write;
  return () => {
    stdout.write = write;
  };
}
