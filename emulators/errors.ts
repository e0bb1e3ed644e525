/** Something that the emulator needs is missing; the message says how to install it. Tests are skipped; in CI they fail. */
export class EmulatorUnavailableError extends Error {
  override readonly name = 'EmulatorUnavailableError';
}

/** The emulator is installed but did not start; the message contains the end of its log. */
export class EmulatorStartError extends Error {
  override readonly name = 'EmulatorStartError';
}

/** Another emulator or program uses the port; the message names it if possible. */
export class PortTakenError extends Error {
  override readonly name = 'PortTakenError';
}
