/** How much a command prints, and in which form. */

export interface OutputFlags {
  /** Print only JSON on stdout, for programs. */
  readonly json?: boolean;
  /** Print only errors. */
  readonly quiet?: boolean;
}
