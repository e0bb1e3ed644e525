/** Preloaded into every function on MiniStack: ends the process when it outgrows its MemorySize, as Lambda does. */
const limitBytes = Number(process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE) * 1024 * 1024;

setInterval(() => {
  if (process.memoryUsage.rss() > limitBytes) process.kill(process.pid, 'SIGKILL');
}, 50).unref();
