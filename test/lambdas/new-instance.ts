import { FunctionInstance } from '../../lambdas/steps/function-instance.ts';

/** An execution environment that counts no requests. */
export function newInstance(): FunctionInstance {
  return new FunctionInstance({ id: 'test', coldStartMs: 100, memoryInUseBytes: () => 1_000_000 });
}
