/** Compiles WebAssembly modules. Node's types lack WebAssembly, so what is used of it is declared here. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { MiB } from './limits.ts';

export interface WebAssemblyMemory {
  /** Replaced, and detached, by each grow(). */
  readonly buffer: ArrayBuffer;
  /** @param pages  64 KiB each */
  grow(pages: number): number;
}

interface WebAssemblyModule {
  /** Opaque. */
  readonly [Symbol.toStringTag]: string;
}

interface WebAssemblyGlobal {
  Module: new (bytes: Uint8Array) => WebAssemblyModule;
  Instance: new (
    module: WebAssemblyModule,
    imports: { env: { memory: WebAssemblyMemory } },
  ) => { exports: Record<string, unknown> };
  Memory: new (size: { initial: number }) => WebAssemblyMemory;
}

export interface CompiledWebAssembly {
  /** @param pages  64 KiB each */
  memory(pages: number): WebAssemblyMemory;
  /** Returns what the module exports. */
  start(memory: WebAssemblyMemory): Record<string, unknown>;
}

/**
 * @param code  the module in base64
 * @returns undefined if this process or this processor cannot run the module
 */
export function compileWebAssembly(code: string): CompiledWebAssembly | undefined {
  // The cast: see above.
  const { WebAssembly } = globalThis as unknown as { WebAssembly?: WebAssemblyGlobal };
  if (WebAssembly === undefined) return undefined;
  let module: WebAssemblyModule;
  try {
    module = new WebAssembly.Module(Buffer.from(code, 'base64'));
  } catch {
    return undefined;
  }
  return {
    memory: (pages) => new WebAssembly.Memory({ initial: pages }),
    start: (memory) => new WebAssembly.Instance(module, { env: { memory } }).exports,
  };
}

/** Less memory is not worth a collection. */
export const COLLECTED_BYTES_MIN = 16 * MiB;

/**
 * Frees the memories that nothing refers to any more. They cannot be freed one by one, and the collector is in no hurry: they
 * are no part of its heap. Takes about 8 ms.
 */
export function collectMemories(): void {
  setFlagsFromString('--expose-gc');
  // A context that is created now has the function.
  const collect: unknown = runInNewContext('gc');
  if (typeof collect === 'function') collect();
}
