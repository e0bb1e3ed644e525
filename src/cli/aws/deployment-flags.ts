/** Which deployment a command is about. */

/** Flags that all commands on AWS share. */
export interface DeploymentFlags {
  readonly stack?: string;
  readonly bucket?: string;
  readonly stateMachine?: string;
  readonly local?: boolean;
}
