/**
 * Keeps worker threads clear of a fault in V8.
 *
 * Node strips the types of TypeScript modules with a WebAssembly module, in every thread that loads some. V8 replaces the
 * generic bridge from WebAssembly to JavaScript by a compiled one after 1,000 calls; compiled bridges are shared by all
 * threads of the process, and freeing one while threads come and go can abort the process (V8 13.6, Node 24: `Check
 * failed: jit_page.has_value()` under `Runtime_TierUpWasmToJSWrapper`; seen once in some fifty runs of the tests). With
 * this budget no bridge is ever compiled. Stripping takes as long as before; user code that calls from WebAssembly into
 * JavaScript millions of times pays for it.
 *
 * It goes for WebAssembly that is instantiated from now on, in all threads.
 */
import { setFlagsFromString } from 'node:v8';

const CALLS_BEFORE_COMPILED = 2 ** 31 - 1;

let isSet = false;

export function keepWasmWrappersGeneric(): void {
  if (isSet) return;
  isSet = true;
  setFlagsFromString(`--wasm-wrapper-tiering-budget=${CALLS_BEFORE_COMPILED}`);
}
