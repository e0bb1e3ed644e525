/**
 * Parses a definition as `CreateStateMachine` gets it. It may contain the states and fields of infra/machine/asl.ts;
 * others are refused, so that a machine never seems to work here because the simulation ignores part of it.
 */
import { UnsupportedDefinitionError } from './errors.ts';
import { isObject, type Json } from './json.ts';
import { parsePath } from './paths.ts';
import { checkTemplate } from './templates.ts';

export interface Definition {
  readonly StartAt: string;
  readonly States: Readonly<Record<string, StateDefinition>>;
}

interface Following {
  readonly Next?: string;
  readonly End?: true;
}

interface Recovering {
  readonly Retry?: readonly Retrier[];
  readonly Catch?: readonly Catcher[];
}

interface Results {
  readonly ResultSelector?: Json;
  readonly ResultPath?: string | null;
  readonly OutputPath?: string;
}

export interface TaskDefinition extends Following, Recovering, Results {
  readonly Type: 'Task';
  readonly Resource: string;
  readonly Parameters: Json;
  readonly TimeoutSeconds?: number;
}

export interface MapDefinition extends Following, Recovering, Results {
  readonly Type: 'Map';
  readonly Label?: string;
  readonly ItemsPath?: string;
  readonly ItemReader?: { readonly Resource: string; readonly Parameters: Json };
  readonly ItemSelector?: Json;
  readonly MaxConcurrency?: number;
  readonly MaxConcurrencyPath?: string;
  readonly ToleratedFailureCount?: number;
  readonly ToleratedFailurePercentage?: number;
  readonly ItemProcessor: Definition & {
    readonly ProcessorConfig?: {
      readonly Mode: 'INLINE' | 'DISTRIBUTED';
      readonly ExecutionType?: 'STANDARD' | 'EXPRESS';
    };
  };
}

export interface ChoiceDefinition {
  readonly Type: 'Choice';
  readonly Choices: readonly (Comparison & { readonly And?: readonly Comparison[]; readonly Next: string })[];
  readonly Default?: string;
}

export interface Comparison {
  readonly Variable?: string;
  readonly StringEquals?: string;
  readonly BooleanEquals?: boolean;
  readonly NumericLessThanEquals?: number;
  readonly IsPresent?: boolean;
}

export interface PassDefinition extends Following {
  readonly Type: 'Pass';
  readonly Result?: Json;
  readonly Parameters?: Json;
  readonly ResultPath?: string | null;
}

export interface WaitDefinition extends Following {
  readonly Type: 'Wait';
  readonly Seconds?: number;
  readonly SecondsPath?: string;
}

export interface SucceedDefinition {
  readonly Type: 'Succeed';
}

export interface FailDefinition {
  readonly Type: 'Fail';
  readonly Error?: string;
  readonly Cause?: string;
  readonly ErrorPath?: string;
  readonly CausePath?: string;
}

export type StateDefinition =
  | TaskDefinition
  | MapDefinition
  | ChoiceDefinition
  | PassDefinition
  | WaitDefinition
  | SucceedDefinition
  | FailDefinition;

export interface Retrier {
  readonly ErrorEquals: readonly string[];
  readonly MaxAttempts?: number;
  readonly IntervalSeconds?: number;
  readonly BackoffRate?: number;
  readonly MaxDelaySeconds?: number;
  readonly JitterStrategy?: 'FULL' | 'NONE';
}

export interface Catcher {
  readonly ErrorEquals: readonly string[];
  readonly ResultPath?: string | null;
  readonly Next: string;
}

const FOLLOWING = ['Next', 'End'];
const RESULTS = ['ResultSelector', 'ResultPath', 'OutputPath'];
const RECOVERING = ['Retry', 'Catch'];
const FIELDS: Readonly<Record<StateDefinition['Type'], readonly string[]>> = {
  Task: ['Resource', 'Parameters', 'TimeoutSeconds', ...FOLLOWING, ...RESULTS, ...RECOVERING],
  Map: [
    ...['Label', 'ItemsPath', 'ItemReader', 'ItemSelector', 'MaxConcurrency', 'ItemProcessor'],
    'MaxConcurrencyPath',
    ...['ToleratedFailureCount', 'ToleratedFailurePercentage', ...FOLLOWING, ...RESULTS, ...RECOVERING],
  ],
  Choice: ['Choices', 'Default'],
  Pass: ['Result', 'Parameters', 'ResultPath', ...FOLLOWING],
  Wait: ['Seconds', 'SecondsPath', ...FOLLOWING],
  Succeed: [],
  Fail: ['Error', 'Cause', 'ErrorPath', 'CausePath'],
};
const RETRIER_FIELDS = [
  ...['ErrorEquals', 'MaxAttempts', 'IntervalSeconds', 'BackoffRate', 'MaxDelaySeconds', 'JitterStrategy'],
];
const CATCHER_FIELDS = ['ErrorEquals', 'ResultPath', 'Next'];
const COMPARISON_FIELDS = ['Variable', 'StringEquals', 'BooleanEquals', 'NumericLessThanEquals', 'IsPresent'];
const TEMPLATES = ['Parameters', 'ResultSelector', 'ItemSelector'];
const PATHS = ['OutputPath', 'ItemsPath', 'MaxConcurrencyPath', 'SecondsPath', 'ErrorPath', 'CausePath'];

/** @throws UnsupportedDefinitionError that names the state and the field */
export function parseDefinition(text: string): Definition {
  const definition: Json = JSON.parse(text);
  checkMachine(definition, 'the machine', ['Comment', 'StartAt', 'States']);
  // This cast is safe: every field has just been checked.
  return definition as unknown as Definition;
}

function checkMachine(machine: Json | undefined, where: string, fields: readonly string[]): void {
  checkFields(machine, where, fields);
  const { States, StartAt } = machine as { readonly [name: string]: Json };
  if (!isObject(States)) throw refused(where, 'States must be an object');
  checkTarget(StartAt, States, `StartAt of ${where}`);
  for (const [name, state] of Object.entries(States)) checkState(name, state, States);
}

function checkState(name: string, state: Json, states: Json): void {
  const where = `the state ${name}`;
  if (!isObject(state) || !Object.hasOwn(FIELDS, String(state.Type))) {
    throw refused(where, `the type must be one of ${Object.keys(FIELDS).join(', ')}`);
  }
  const type = state.Type as StateDefinition['Type'];
  checkFields(state, where, ['Type', 'Comment', ...FIELDS[type]]);
  for (const field of TEMPLATES) checkTemplate(state[field] ?? null);
  for (const field of PATHS) if (typeof state[field] === 'string') parsePath(state[field]);
  for (const field of ['Next', 'Default']) {
    if (state[field] !== undefined) checkTarget(state[field], states, `${field} of ${where}`);
  }
  const ends = ['Choice', 'Succeed', 'Fail'].includes(type);
  if (!ends && (state.Next === undefined) === (state.End === undefined)) {
    throw refused(where, 'it needs either Next or End');
  }
  for (const retrier of list(state.Retry)) checkFields(retrier, `a Retry of ${where}`, RETRIER_FIELDS);
  for (const catcher of list(state.Catch)) {
    checkFields(catcher, `a Catch of ${where}`, CATCHER_FIELDS);
    checkTarget(isObject(catcher) ? catcher.Next : undefined, states, `a Catch of ${where}`);
  }
  if (type === 'Choice') checkChoices(state, where, states);
  if (type === 'Map') checkMap(state, where);
  if (type === 'Task') checkResource(state.Resource, where);
}

function checkChoices(state: { readonly [name: string]: Json }, where: string, states: Json): void {
  for (const rule of list(state.Choices)) {
    checkFields(rule, `a choice of ${where}`, [...COMPARISON_FIELDS, 'And', 'Next']);
    if (!isObject(rule)) continue;
    checkTarget(rule.Next, states, `a choice of ${where}`);
    for (const comparison of rule.And === undefined ? [] : list(rule.And)) {
      checkFields(comparison, `a comparison of ${where}`, COMPARISON_FIELDS);
    }
  }
}

function checkMap(state: { readonly [name: string]: Json }, where: string): void {
  const processor = state.ItemProcessor;
  checkMachine(processor, `ItemProcessor of ${where}`, ['ProcessorConfig', 'StartAt', 'States', 'Comment']);
  const { ProcessorConfig: config = { Mode: 'INLINE' } } = processor as { readonly [name: string]: Json };
  checkFields(config, `ProcessorConfig of ${where}`, ['Mode', 'ExecutionType']);
  const isDistributed = isObject(config) && config.Mode === 'DISTRIBUTED';
  const distributed = ['Label', 'ItemReader', 'ToleratedFailureCount', 'ToleratedFailurePercentage'];
  const wrong = isDistributed ? undefined : distributed.find((field) => state[field] !== undefined);
  if (wrong !== undefined) throw refused(where, `${wrong} needs the mode DISTRIBUTED`);
  if (state.MaxConcurrency !== undefined && state.MaxConcurrencyPath !== undefined) {
    throw refused(where, 'MaxConcurrency and MaxConcurrencyPath exclude each other');
  }
  if (state.ItemReader === undefined) return;
  checkFields(state.ItemReader, `ItemReader of ${where}`, ['Resource', 'ReaderConfig', 'Parameters']);
  const { Resource, ReaderConfig, Parameters = {} } = state.ItemReader as { readonly [name: string]: Json };
  if (!/^arn:[^:]+:states:::s3:getObject$/.test(String(Resource))) {
    throw refused(where, `the ItemReader ${Resource} is not supported; s3:getObject is`);
  }
  checkFields(ReaderConfig, `ReaderConfig of ${where}`, ['InputType']);
  if (!isObject(ReaderConfig) || ReaderConfig.InputType !== 'JSON')
    throw refused(where, 'InputType must be JSON');
  checkTemplate(Parameters);
}

const INTEGRATIONS = ['lambda:invoke', 'states:startExecution', 'events:putEvents'] as const;
export type Integration = (typeof INTEGRATIONS)[number];

/** The integration that an ARN such as `arn:aws:states:::lambda:invoke` names. */
export function integrationOf(resource: string): Integration | undefined {
  const action = /^arn:[^:]+:states:::(.+)$/.exec(resource)?.[1];
  return INTEGRATIONS.find((name) => name === action);
}

function checkResource(resource: Json | undefined, where: string): void {
  if (integrationOf(String(resource)) !== undefined) return;
  throw refused(where, `the resource ${resource} is not supported; ${INTEGRATIONS.join(', ')} are`);
}

function checkFields(value: Json | undefined, where: string, allowed: readonly string[]): void {
  if (!isObject(value)) throw refused(where, 'it must be an object');
  const unknown = Object.keys(value).find((name) => !allowed.includes(name));
  if (unknown === undefined) return;
  throw refused(where, `the field ${unknown} is not supported; ${allowed.join(', ')} are`);
}

function checkTarget(name: Json | undefined, states: Json, where: string): void {
  if (typeof name === 'string' && isObject(states) && Object.hasOwn(states, name)) return;
  throw refused(where, `there is no state ${JSON.stringify(name)}`);
}

function list(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? (value as readonly Json[]) : [];
}

function refused(where: string, why: string): UnsupportedDefinitionError {
  return new UnsupportedDefinitionError(`${where}: ${why}`);
}
