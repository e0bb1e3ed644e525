/** Starts an AWS emulator on this machine: LocalStack or MiniStack. See README.md. */
export type { EmulatorName, RunningEmulator, StartOptions } from './emulator.ts';
export { EmulatorStartError, EmulatorUnavailableError, PortTakenError } from './errors.ts';
export { startLocalStack } from './localstack/localstack.ts';
export { type MiniStackOptions, startMiniStack } from './ministack/ministack.ts';
