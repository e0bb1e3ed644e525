/** Launches a stand-in and waits until it is killed. `node launch-stand-in.ts <port> <source>` */
import { launch } from '../../../emulators/emulator.ts';

const [port, source] = process.argv.slice(2);
await launch({
  name: 'MiniStack',
  port: Number(port),
  endpoint: `http://127.0.0.1:${port}`,
  environment: {},
  healthPath: '/health',
  readyTimeoutMs: 120_000,
  say: () => {},
  command: () => ({
    command: process.execPath,
    args: ['-e', source!],
    env: { ...process.env, STAND_IN_PORT: String(port) },
  }),
});
console.log('launched');
