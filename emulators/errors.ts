/** The machine lacks what an emulator needs; the message says how to install it. Tests skip on it, CI fails. */
export class EmulatorUnavailableError extends Error {
  override readonly name = 'EmulatorUnavailableError';
}

/** The emulator is installed, yet did not start; the message holds the end of its log. */
export class EmulatorStartError extends Error {
  override readonly name = 'EmulatorStartError';
}

/** The port is taken, by another emulator or by something else; the message says by what. */
export class PortTakenError extends Error {
  override readonly name = 'PortTakenError';
}
