/** How much a command prints, and in which form. */

export interface OutputFlags {
  /** A document for programs on stdout, and nothing else there. */
  readonly json?: boolean;
  /** Nothing but errors. */
  readonly quiet?: boolean;
}
