/**
 * `npm run localstack` and `npm run ministack` run an emulator in the foreground until Ctrl-C.
 *
 *     node emulators/main.ts localstack [--port 4566|auto]
 *     node emulators/main.ts ministack  [--port 4566|auto] [--no-auth]
 */
import { parseArgs } from 'node:util';

import {
  EmulatorStartError,
  EmulatorUnavailableError,
  PortTakenError,
  startLocalStack,
  startMiniStack,
} from './start.ts';

const USAGE =
  'Usage: npm run localstack [-- --port <number>|auto]\n       npm run ministack [-- --port <number>|auto --no-auth]';

try {
  await main();
} catch (error) {
  const expected = [EmulatorUnavailableError, EmulatorStartError, PortTakenError].some(
    (type) => error instanceof type,
  );
  console.error(expected ? (error as Error).message : error);
  process.exitCode = 1;
}

async function main(): Promise<void> {
  const { positionals, port, auth } = readArguments();
  const name = positionals[0];
  if (positionals.length !== 1 || (name !== 'localstack' && name !== 'ministack')) {
    console.error(USAGE);
    process.exitCode = 2;
    return;
  }
  const emulator =
    name === 'localstack' ? await startLocalStack({ port }) : await startMiniStack({ port, auth });
  const stopped = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => resolve());
  });
  console.error(
    `${emulator.name} is ready after ${(emulator.startedInMs / 1000).toFixed(1)} s. In another terminal:\n`,
  );
  for (const [variable, value] of Object.entries(emulator.environment))
    console.log(`export ${variable}=${value}`);
  console.error(`\nLog: ${emulator.logFile}\nCtrl-C stops it and deletes its data.`);

  const why = await Promise.race([
    stopped.then(() => 'stopped' as const),
    emulator.ended.then(() => 'ended' as const),
  ]);
  if (why === 'stopped') console.error(`Stopping ${emulator.name}`);
  else {
    console.error(`${emulator.name} ended by itself; see ${emulator.logFile}`);
    process.exitCode = 1;
  }
  await emulator.stop();
}

function readArguments() {
  const options = {
    port: { type: 'string', default: '4566' },
    auth: { type: 'boolean', default: true },
  } as const;
  try {
    const { positionals, values } = parseArgs({ options, allowPositionals: true, allowNegative: true });
    const port = values.port === 'auto' ? ('auto' as const) : Number(values.port);
    return { positionals, port, auth: values.auth };
  } catch (error) {
    console.error((error as Error).message);
    return { positionals: [], port: 'auto' as const, auth: true };
  }
}
