/** Runs one attempt of a Map: its items in the execution itself (INLINE), or in child executions (DISTRIBUTED). */
import type { MapDefinition } from './definition.ts';
import { StateError } from './errors.ts';
import { type ExecutionContext, type RunItem, type StateRun, stateErrorOf } from './execution-context.ts';
import type { Json } from './json.ts';
import { filled, required, type Scope } from './templates.ts';

/** @throws StateError */
export async function runMap(
  definition: MapDefinition,
  scope: Scope,
  { entered, execution }: StateRun,
  runItem: RunItem,
): Promise<Json> {
  const { history } = execution;
  history.add('MapStateStarted');
  try {
    const state = { ...definition, MaxConcurrency: concurrencyOf(definition, scope) };
    const isDistributed = state.ItemProcessor.ProcessorConfig?.Mode === 'DISTRIBUTED';
    const items = selected(state, scope, await itemsOf(state, scope, execution));
    const results = isDistributed
      ? await execution.services.runChildren({ state, name: entered.name, items, parent: execution, runItem })
      : await runInline(state, { items, execution, runItem });
    history.add('MapStateSucceeded');
    return results;
  } catch (thrown) {
    const error = stateErrorOf(thrown);
    if (error.error !== 'States.Runtime') history.add('MapStateFailed');
    throw error;
  }
}

/** 0 means no limit. */
function concurrencyOf(
  { MaxConcurrency = 0, MaxConcurrencyPath: path }: MapDefinition,
  scope: Scope,
): number {
  if (path === undefined) return MaxConcurrency;
  const value = required(path, scope, 'States.Runtime');
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0) return value;
  throw new StateError('States.Runtime', `MaxConcurrencyPath ${path} selects no whole number`);
}

async function itemsOf(
  state: MapDefinition,
  scope: Scope,
  execution: ExecutionContext,
): Promise<readonly Json[]> {
  const { ItemReader: reader, ItemsPath = '$' } = state;
  if (reader === undefined) {
    const items = required(ItemsPath, scope, 'States.Runtime');
    if (Array.isArray(items)) return items as readonly Json[];
    throw new StateError('States.Runtime', `ItemsPath ${ItemsPath} selects no array`);
  }
  const { Bucket, Key } = filled(reader.Parameters, scope) as { Bucket: string; Key: string };
  const text = await execution.cancellation.race(execution.services.getObject(Bucket, Key));
  const items = parsedItems(text.toString());
  if (items !== undefined) return items;
  throw new StateError('States.ItemReaderFailed', `s3://${Bucket}/${Key} is not a JSON array`);
}

function parsedItems(text: string): readonly Json[] | undefined {
  try {
    const items: Json = JSON.parse(text);
    return Array.isArray(items) ? (items as readonly Json[]) : undefined;
  } catch {
    return undefined;
  }
}

function selected({ ItemSelector }: MapDefinition, scope: Scope, items: readonly Json[]): readonly Json[] {
  if (ItemSelector === undefined) return items;
  const context = scope.context as { readonly [name: string]: Json };
  return items.map((Value, Index) =>
    filled(ItemSelector, { input: scope.input, context: { ...context, Map: { Item: { Index, Value } } } }),
  );
}

/** The first iteration that fails ends the others. */
async function runInline(
  state: MapDefinition,
  { items, execution, runItem }: { items: readonly Json[]; execution: ExecutionContext; runItem: RunItem },
): Promise<Json[]> {
  const { history, quotas } = execution;
  const cancellation = execution.cancellation.child();
  const atOnce = Math.min(state.MaxConcurrency || quotas.inlineAtOnceMax, quotas.inlineAtOnceMax);
  const results: Json[] = [];
  const iterate = async (index: number): Promise<void> => {
    history.add('MapIterationStarted');
    try {
      results[index] = await runItem(items[index]!, { ...execution, cancellation });
    } catch (thrown) {
      const error = stateErrorOf(thrown);
      if (error.error !== 'States.Runtime') history.add('MapIterationFailed');
      throw error;
    }
    history.add('MapIterationSucceeded');
  };
  try {
    await inParallel(items.length, atOnce, iterate);
    return results;
  } finally {
    cancellation.abort();
    execution.cancellation.release(cancellation);
  }
}

/** Calls `work` for each index, at most `atOnce` at the same time. Rejects with the first error and starts no more. */
export async function inParallel(
  count: number,
  atOnce: number,
  work: (index: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  let failed = false;
  const worker = async (): Promise<void> => {
    while (next < count && !failed) {
      const index = next;
      next += 1;
      try {
        await work(index);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, count) }, worker));
}
