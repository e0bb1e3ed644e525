/**
 * Compiles the kernels (kernels/) to WebAssembly, and writes each as a module with its code in base64. The results are checked in,
 * so that nothing has to be built; test/kernels.test.ts compares them with the sources.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import asc from 'assemblyscript/asc';

const ROOT = join(import.meta.dirname, '..');

/** Each kernel's source, the constant with its code, and the file of that constant. */
export const KERNELS = [
  { source: 'kernels/fold.ts', constant: 'FOLD_KERNEL', file: 'src/map/fold-kernel-code.ts' },
  { source: 'kernels/sort.ts', constant: 'SORT_KERNEL', file: 'src/shuffle/sort-kernel-code.ts' },
  { source: 'kernels/scan.ts', constant: 'SCAN_KERNEL', file: 'src/formats/scan-kernel-code.ts' },
] as const;

/** Returns the content of the kernel's file. */
export async function buildKernel({ source, constant }: (typeof KERNELS)[number]): Promise<string> {
  let code: Uint8Array | undefined;
  const flags = [
    '--runtime',
    'stub',
    '--importMemory',
    '--noAssert',
    '--enable',
    'simd',
    '--enable',
    'bulk-memory',
  ];
  const { error, stderr } = await asc.main(
    [source, '-O3', ...flags, '--outFile', 'kernel.wasm', '--baseDir', ROOT],
    {
      writeFile: (_name, contents) => {
        // The cast: only text files, of which there are none, come as strings.
        code = contents as Uint8Array;
      },
    },
  );
  if (error !== null || code === undefined)
    throw new Error(`${source} does not compile:\n${stderr.toString()}`, { cause: error });
  const base64 = Buffer.from(code).toString('base64');
  return `/** Made by \`npm run build:kernels\` from ${source}: WebAssembly in base64. */\nexport const ${constant} =\n  '${base64}';\n`;
}

if (import.meta.main) {
  for (const kernel of KERNELS) writeFileSync(join(ROOT, kernel.file), await buildKernel(kernel));
}
