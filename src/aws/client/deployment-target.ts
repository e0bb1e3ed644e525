/** Which deployment is meant, and how a message names the commands to run next about it. */

/** A deployment as a person names it; what is absent comes from the environment or from the stack's outputs. */
export interface DeploymentTarget {
  /** Name of the CloudFormation stack. */
  readonly stack?: string;
  readonly bucket?: string;
  /** ARN. */
  readonly stateMachine?: string;
  /** The emulator on this machine instead of AWS. */
  readonly local?: boolean;
}

/** The caller gives these, because only the caller knows how its commands are typed. */
export interface CommandLines {
  /** @param command  without the name of the program and the flags that name the deployment, such as 'wait daily' */
  readonly commandLine: (command: string) => string;
  /**
   * The line that deploys, or deploys again.
   *
   * @param more  further flags, with a blank before them
   */
  readonly deployLine: (more?: string) => string;
}
