/**
 * Recognises the format of a file by its first bytes. A name may not show it (`access.log.1`, a gzip file called `.log`),
 * and a format that cannot be read must not be treated as text: the job would succeed with a meaningless result.
 *
 * The signatures are from the specifications of the formats; that of tar is at byte 257.
 */
import { MapReduceError } from '../base/errors.ts';
import { wideTextKind } from './wide-text.ts';

/** The compression of a file that can be read. */
export type ReadableKind = 'none' | 'gzip' | 'zstd';

export type FileKind =
  | { readonly kind: ReadableKind }
  /** A file that cannot be read: what it is, and what to do with it. */
  | { readonly kind: 'refused'; readonly what: string; readonly remedy: string };

/** Enough for every signature, and to recognise UTF-16 and UTF-32. */
export const KIND_BYTES = 512;

const DECOMPRESS = 'Decompress it first; gzip and zstd files need no decompression';
const CONVERT = 'Convert it to lines of text first';
const iconvFrom = (encoding: string) =>
  `Convert it to UTF-8 first, for example with iconv -f ${encoding} -t UTF-8`;

const NAME_UTF_16 = "Name its encoding, textLines({ encoding: 'utf-16le' }) (or 'utf-16be')";

const SIGNATURES: readonly (readonly [bytes: string, what: string, remedy: string])[] = [
  ['425a68..314159265359', 'a bzip2 file', DECOMPRESS],
  ['425a68..177245385090', 'a bzip2 file', DECOMPRESS],
  ['fd377a585a00', 'an xz file', DECOMPRESS],
  ['04224d18', 'an lz4 file', DECOMPRESS],
  ['02214c18', 'an lz4 file', DECOMPRESS],
  ['4c5a495001', 'an lzip file', DECOMPRESS],
  ['894c5a4f000d0a1a0a', 'an lzop file', DECOMPRESS],
  ['ff060000734e61507059', 'a snappy file', DECOMPRESS],
  ['1f9d', 'a compress (.Z) file', DECOMPRESS],
  ['504b0304', 'a zip archive', 'Unpack it first'],
  ['504b0506', 'a zip archive', 'Unpack it first'],
  ['377abcaf271c', 'a 7z archive', 'Unpack it first'],
  ['526172211a07', 'a rar archive', 'Unpack it first'],
  ['50415231', 'a Parquet file', CONVERT],
  ['4f626a01', 'an Avro file', CONVERT],
  ['6d727265637300', 'a result of records()', 'Read it with records(key, value), as the job that wrote it'],
  ['53514c69746520666f726d6174203300', 'an SQLite database', CONVERT],
  ['fffe0000', 'UTF-32 text', iconvFrom('UTF-32')],
  ['0000feff', 'UTF-32 text', iconvFrom('UTF-32')],
  ['fffe', 'UTF-16 text', `textLines() reads it. ${iconvFrom('UTF-16')}`],
  ['feff', 'UTF-16 text', `textLines() reads it. ${iconvFrom('UTF-16')}`],
];
const TAR_AT = 257;

/**
 * @param head  the first KIND_BYTES bytes of the file, or all of a smaller file
 * @param isText  whether the job reads text, so that other formats are refused
 */
export function fileKind(head: Buffer, { isText }: { isText: boolean }): FileKind {
  if (startsWith(head, '1f8b08')) return { kind: 'gzip' };
  if (startsWith(head, '28b52ffd') || isSkippableZstdFrame(head)) return { kind: 'zstd' };
  if (!isText) return { kind: 'none' };
  const known = SIGNATURES.find(([bytes]) => startsWith(head, bytes));
  if (known !== undefined) return { kind: 'refused', what: known[1], remedy: known[2] };
  if (head.subarray(TAR_AT, TAR_AT + 5).equals(Buffer.from('ustar'))) {
    return { kind: 'refused', what: 'a tar archive', remedy: 'Unpack it first' };
  }
  const wide = wideTextKind(head);
  if (wide !== undefined) {
    const iconv = `${iconvFrom(`${wide}LE`)} (or -f ${wide}BE)`;
    return {
      kind: 'refused',
      what: `${wide} text without a byte order mark`,
      remedy: wide === 'UTF-16' ? `${NAME_UTF_16}, or ${iconv.replace('Convert', 'convert')}` : iconv,
    };
  }
  return { kind: 'none' };
}

function startsWith(head: Buffer, hex: string): boolean {
  if (head.length < hex.length / 2) return false;
  for (let at = 0; at < hex.length; at += 2) {
    const byte = hex.slice(at, at + 2);
    if (byte !== '..' && head[at / 2] !== Number.parseInt(byte, 16)) return false;
  }
  return true;
}

function isSkippableZstdFrame(head: Buffer): boolean {
  return head.length >= 4 && (head[0]! & 0xf0) === 0x50 && startsWith(head.subarray(1), '2a4d18');
}

export function notReadable(
  fileName: string,
  { what, remedy }: { what: string; remedy: string },
): MapReduceError {
  return new MapReduceError(
    'CorruptInputError',
    `${fileName} is ${what}, which this job cannot read as lines of text. ${remedy}, or remove the file from --input`,
    { details: { file: fileName } },
  );
}
