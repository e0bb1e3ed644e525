/**
 * The Amazon States Language, limited to the states and fields that our machines use, with JSONPath as query language.
 *
 * `Name` is the union of the names of a machine's states. `StartAt`, `Next` and `Default` must be one of them, so that
 * the compiler refuses a transition to a state that does not exist. Where names are computed (the children of a stage),
 * test/infra/transitions.test.ts checks the record of states instead.
 *
 * Source: https://states-language.net/spec.html, and "Map state in Distributed mode" of the Step Functions guide.
 */

export interface Machine<Name extends string = string> {
  readonly Comment?: string;
  readonly StartAt: Name;
  readonly States: States<Name>;
}

/** The states by name. If they are only part of a machine, `Target` names all states they may lead to. */
export type States<Name extends string = string, Target extends string = Name> = Readonly<
  Record<Name, State<Target>>
>;

export type State<Name extends string = string> =
  | TaskState<Name>
  | InlineMapState<Name>
  | DistributedMapState<Name>
  | ChoiceState<Name>
  | PassState<Name>
  | WaitState<Name>
  | SucceedState
  | FailState;

export type TaskState<Name extends string = string> = Transition<Name> & {
  readonly Type: 'Task';
  /** ARN of an integration, such as `arn:aws:states:::lambda:invoke`. */
  readonly Resource: string;
  readonly Parameters: Template;
  readonly ResultSelector?: Template;
  readonly ResultPath?: ResultPath;
  readonly OutputPath?: Path;
  readonly TimeoutSeconds?: number;
  readonly Retry: readonly Retrier[];
  readonly Catch?: readonly Catcher<Name>[];
};

/** Runs its children in the execution of the machine itself. */
export type InlineMapState<Name extends string = string> = Transition<Name> &
  Concurrency & {
    readonly Type: 'Map';
    readonly ItemsPath: Path;
    readonly ItemSelector: Template;
    readonly ItemProcessor: Machine & { readonly ProcessorConfig: { readonly Mode: 'INLINE' } };
    readonly ResultPath: ResultPath;
    readonly Catch?: readonly Catcher<Name>[];
  };

/** Reads its items from an object on S3, and runs each in an execution of its own. */
export type DistributedMapState<Name extends string = string> = Transition<Name> &
  Concurrency & {
    readonly Type: 'Map';
    /** Part of the names of the child executions. */
    readonly Label: string;
    readonly ItemReader: {
      readonly Resource: string;
      readonly ReaderConfig: { readonly InputType: 'JSON' };
      readonly Parameters: Template;
    };
    readonly ItemSelector: Template;
    readonly ItemProcessor: Machine & {
      readonly ProcessorConfig: { readonly Mode: 'DISTRIBUTED'; readonly ExecutionType: ExecutionType };
    };
    readonly ResultPath: ResultPath;
    readonly Retry: readonly Retrier[];
    readonly Catch: readonly Catcher<Name>[];
  };

/** How many children of a Map run at once: a number, or where the state's input holds it. */
type Concurrency =
  | { readonly MaxConcurrency: number; readonly MaxConcurrencyPath?: never }
  | { readonly MaxConcurrencyPath: Path; readonly MaxConcurrency?: never };

export type ExecutionType = 'STANDARD' | 'EXPRESS';

/** Takes the first rule that applies. Without one, and without `Default`, the execution fails. */
export interface ChoiceState<Name extends string = string> {
  readonly Type: 'Choice';
  readonly Choices: readonly ChoiceRule<Name>[];
  readonly Default?: Name;
}

export type ChoiceRule<Name extends string = string> = (
  | Comparison
  | { readonly And: readonly Comparison[] }
) & {
  readonly Next: Name;
};

/** Comparing an absent variable fails the execution. If it may be absent, check `IsPresent` first. */
export type Comparison = { readonly Variable: Path } & (
  | { readonly StringEquals: string }
  | { readonly BooleanEquals: boolean }
  | { readonly NumericLessThanEquals: number }
  | { readonly IsPresent: boolean }
);

/** Replaces the state's input by a constant (`Result`) or a template (`Parameters`). */
export type PassState<Name extends string = string> = Transition<Name> & { readonly Type: 'Pass' } & (
    | { readonly Result: Template }
    | { readonly Parameters: Template }
  );

export type WaitState<Name extends string = string> = Transition<Name> & { readonly Type: 'Wait' } & (
    | { readonly Seconds: number }
    | { readonly SecondsPath: Path }
  );

export interface SucceedState {
  readonly Type: 'Succeed';
  readonly Comment?: string;
}

export interface FailState {
  readonly Type: 'Fail';
  readonly ErrorPath: Path;
  readonly CausePath: Path;
}

/** What follows a state: another state, or the end of the machine. */
type Transition<Name extends string> =
  | { readonly Next: Name; readonly End?: never }
  | { readonly End: true; readonly Next?: never };

/** The first retrier that names an error handles it; each counts its own attempts. */
export interface Retrier {
  readonly ErrorEquals: readonly string[];
  readonly MaxAttempts: number;
  readonly IntervalSeconds?: number;
  readonly BackoffRate?: number;
  readonly MaxDelaySeconds?: number;
  readonly JitterStrategy?: 'FULL';
}

/** Handles an error once its retries are used up. The error goes to `ResultPath` as `{ Error, Cause }`. */
export interface Catcher<Name extends string = string> {
  readonly ErrorEquals: readonly string[];
  readonly ResultPath: ResultPath;
  readonly Next: Name;
}

/** `$.jobId` in the state's input, or `$$.Execution.Id` in the context object. */
export type Path = `$${string}`;

/** Where a result is put into the state's input; `null` drops the result and passes the input on. */
export type ResultPath = Path | null;

/** JSON in which a name that ends in `.$` takes its value from a path or an intrinsic function. */
export interface Template {
  readonly [name: `${string}.$`]: Path | `States.${string}`;
  readonly [name: string]: TemplateValue;
}

type TemplateValue = string | number | boolean | null | Template | readonly TemplateValue[];

/** The ARN of an integration, for `Resource`: its action is `lambda:invoke` or the like. */
export function integration(partition: string, action: string): string {
  return `arn:${partition}:states:::${action}`;
}
