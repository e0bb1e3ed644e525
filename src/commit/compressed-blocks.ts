/**
 * Compresses a file block by block (formats/compressed-sinks.ts describes the format). Blocks are compressed at the same time
 * on the runtime's thread pool, and delivered in order.
 *
 * Memory: LIMITS.compressedBlocksAtOnceMax + 1 blocks and their compressed bytes, about 10 MiB.
 */
import { promisify } from 'node:util';
import { constants, gzip, zstdCompress } from 'node:zlib';
import { LIMITS } from '../base/limits.ts';
import type { FileCompression } from '../formats/sink.ts';

const gzipAsync = promisify(gzip);
const zstdAsync = promisify(zstdCompress);

export class CompressedBlocks {
  readonly #compression: FileCompression;
  readonly #deliver: (stored: Buffer) => Promise<void>;
  readonly #compressing: { readonly plain: Buffer; readonly stored: Promise<Buffer> }[] = [];
  readonly #spares: Buffer[] = [];
  #block: Buffer;
  #filledBytes = 0;
  #blocks = 0;

  /** @param deliver  receives the compressed blocks, one at a time */
  constructor(compression: FileCompression, deliver: (stored: Buffer) => Promise<void>) {
    this.#compression = compression;
    this.#deliver = deliver;
    this.#block = Buffer.allocUnsafeSlow(LIMITS.compressedBlockBytes);
  }

  /** Takes plain bytes. The caller may reuse the chunk once it resolves. */
  async write(chunk: Buffer): Promise<void> {
    for (let at = 0; at < chunk.length; ) {
      const taken = Math.min(chunk.length - at, this.#block.length - this.#filledBytes);
      chunk.copy(this.#block, this.#filledBytes, at, at + taken);
      this.#filledBytes += taken;
      at += taken;
      if (this.#filledBytes === this.#block.length) await this.#seal();
    }
  }

  /** Called once, after the last bytes. @param isFile  whether the bytes are a file, which has a block even if it is empty */
  async end({ isFile }: { isFile: boolean }): Promise<void> {
    if (this.#filledBytes > 0 || (isFile && this.#blocks === 0)) await this.#seal();
    while (this.#compressing.length > 0) await this.#deliverFirst();
  }

  async #seal(): Promise<void> {
    if (this.#compressing.length === LIMITS.compressedBlocksAtOnceMax) await this.#deliverFirst();
    const plain = this.#block;
    const stored = compress(plain.subarray(0, this.#filledBytes), this.#compression);
    // It is awaited in order; until then, a failure is not unhandled.
    stored.catch(() => {});
    this.#compressing.push({ plain, stored });
    this.#block = this.#spares.pop() ?? Buffer.allocUnsafeSlow(LIMITS.compressedBlockBytes);
    this.#filledBytes = 0;
    this.#blocks++;
  }

  async #deliverFirst(): Promise<void> {
    const { plain, stored } = this.#compressing.shift()!;
    await this.#deliver(await stored);
    this.#spares.push(plain);
  }
}

/** Compresses bytes that are a whole file, or a part of one. */
export async function compressed(
  plain: Buffer,
  compression: FileCompression,
  options: { isFile: boolean },
): Promise<Buffer> {
  const stored: Buffer[] = [];
  const blocks = new CompressedBlocks(compression, async (block) => {
    stored.push(block);
  });
  await blocks.write(plain);
  await blocks.end(options);
  return Buffer.concat(stored);
}

const GZIP_SYSTEM_OFFSET = 9;
const GZIP_SYSTEM_UNKNOWN = 0xff;

async function compress(plain: Buffer, { codec, level }: FileCompression): Promise<Buffer> {
  if (codec === 'zstd') {
    return await zstdAsync(plain, {
      params: {
        [constants.ZSTD_c_compressionLevel]: level,
        // Otherwise readers could not detect damage.
        [constants.ZSTD_c_checksumFlag]: 1,
      },
    });
  }
  const member = await gzipAsync(plain, { level });
  // The operating system is part of a member's header, but the same job gives the same bytes everywhere.
  member[GZIP_SYSTEM_OFFSET] = GZIP_SYSTEM_UNKNOWN;
  return member;
}
