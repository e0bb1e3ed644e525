import type { ChoiceDefinition, Comparison } from './definition.ts';
import { StateError } from './errors.ts';
import { parsePath, valueAt } from './paths.ts';
import { required, type Scope } from './templates.ts';

/** @throws StateError if no rule applies, or if a rule compares a variable that is absent */
export function nextByChoice({ Choices, Default }: ChoiceDefinition, scope: Scope): string {
  const rule = Choices.find(({ And, ...comparison }) =>
    And === undefined ? holds(comparison, scope) : And.every((one) => holds(one, scope)),
  );
  const next = rule?.Next ?? Default;
  if (next !== undefined) return next;
  throw new StateError('States.NoChoiceMatched', 'No choice applies to the input, and there is no Default');
}

function holds(comparison: Comparison, scope: Scope): boolean {
  const { Variable = '$', IsPresent, StringEquals, BooleanEquals, NumericLessThanEquals } = comparison;
  if (IsPresent !== undefined) return (valueAt(parsePath(Variable), scope) !== undefined) === IsPresent;
  const value = required(Variable, scope, 'States.Runtime');
  if (StringEquals !== undefined) return value === StringEquals;
  if (BooleanEquals !== undefined) return value === BooleanEquals;
  return typeof value === 'number' && NumericLessThanEquals !== undefined && value <= NumericLessThanEquals;
}
