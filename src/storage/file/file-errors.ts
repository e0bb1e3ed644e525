/**
 * Converts errors of the operating system (errno) to errors of the engine, with the path and the next step. If another
 * attempt cannot help (permissions, names, a full disk), the error is not retryable.
 */
import { type ErrorName, MapReduceError } from '../../base/errors.ts';
import { errnoOf } from '../../base/field-of.ts';
import { objectNotFound } from '../conditions.ts';

export interface FileErrorContext {
  /** An infinitive: 'read', 'write'. */
  readonly action: string;
  /** Whether link() failed. EPERM then means that the file system does not support hard links. */
  readonly isLink?: boolean;
  readonly path: string;
  readonly key: string;
}

export function fileError(
  error: unknown,
  { action, isLink = false, path, key }: FileErrorContext,
): MapReduceError {
  if (error instanceof MapReduceError) return error;
  const code = errnoOf(error);
  if (code === 'ENOENT') return objectNotFound(path, key, error);
  const known = code === undefined ? undefined : isLink ? (KNOWN_OF_LINK[code] ?? KNOWN[code]) : KNOWN[code];
  const reason = error instanceof Error ? error.message : String(error);
  return new MapReduceError(
    known?.name ?? 'StorageError',
    `cannot ${action} ${path}: ${known === undefined ? reason : `${known.reason} (${code}). ${known.remedy}`}`,
    { details: { objectKey: key }, cause: error },
  );
}

/** The name of the error that fileError() would return. */
export function errorNameOfErrno(error: unknown): ErrorName {
  return KNOWN[errnoOf(error) ?? '']?.name ?? 'StorageError';
}

/**
 * Explains an error of the operating system, with the next step: 'a folder has that name (EISDIR). Remove the folder or ...'.
 *
 * @param remedies  by errno, to replace the usual ones
 */
export function explainErrno(error: unknown, remedies: Readonly<Record<string, string>> = {}): string {
  const code = errnoOf(error) ?? '';
  const known = KNOWN[code];
  const reason = known?.reason ?? REASONS[code] ?? (error instanceof Error ? error.message : String(error));
  const remedy = remedies[code] ?? known?.remedy;
  const explained = reason.includes(code) ? reason : `${reason} (${code})`;
  return remedy === undefined ? explained : `${explained}. ${remedy}`;
}

/** Reasons for errors that have no row in KNOWN. */
const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'a folder of its path does not exist',
  EBADF: 'it is not open for writing',
  EIO: 'the device failed',
};

const PERMISSION = {
  name: 'UsageError',
  reason: 'permission denied',
  remedy: "Check the owner and mode of it and of its folders with 'ls -ld', or run as a user with access.",
} as const;
const FULL = {
  name: 'DiskFullError',
  reason: 'no space left on the device, or the quota is used up',
  remedy:
    'Free some space, or choose folders on a larger device: --output for results, --scratch for spilled data.',
} as const;
const DESCRIPTORS = {
  name: 'StorageError',
  reason: 'too many open files',
  remedy: "Raise the limit with 'ulimit -n', or use fewer workers.",
} as const;
const FOLDER = {
  name: 'UsageError',
  reason: 'a folder has that name',
  remedy: 'Remove the folder or choose another name.',
} as const;
const NO_HARD_LINKS = {
  name: 'UsageError',
  reason: 'this file system lacks what the store needs',
  remedy:
    'The output folder must be on a file system with hard links and file times, such as ext4, xfs, btrfs, tmpfs or APFS.',
} as const;

const KNOWN: Readonly<Record<string, { name: ErrorName; reason: string; remedy: string }>> = {
  EACCES: PERMISSION,
  EPERM: PERMISSION,
  EROFS: {
    name: 'UsageError',
    reason: 'the file system is read-only',
    remedy: 'Choose a writable folder.',
  },
  EISDIR: FOLDER,
  ENOTEMPTY: FOLDER,
  ENOTDIR: {
    name: 'UsageError',
    reason: 'a part of the path is a file, not a folder',
    remedy: 'Remove that file or choose another path.',
  },
  EEXIST: {
    name: 'UsageError',
    reason: 'something that is not a folder, or a dangling symbolic link, is in the way',
    remedy: "Check it with 'ls -ld', then remove it or choose another path.",
  },
  ENAMETOOLONG: {
    name: 'UsageError',
    reason: 'the name is too long for this file system',
    remedy: 'Most allow 255 bytes per name and 4,096 per path. Choose a shorter name.',
  },
  ELOOP: {
    name: 'UsageError',
    reason: 'its symbolic links form a circle',
    remedy: 'Remove one of them.',
  },
  EXDEV: {
    name: 'UsageError',
    reason: 'another device is mounted inside of the output folder',
    remedy: 'Choose an output folder that is on a single device.',
  },
  ENOSPC: FULL,
  EDQUOT: FULL,
  EFBIG: {
    name: 'DiskFullError',
    reason: 'the file would exceed the maximum size',
    remedy: "Raise the limit with 'ulimit -f', or use a file system that supports larger files.",
  },
  EMFILE: DESCRIPTORS,
  ENFILE: DESCRIPTORS,
  ENOTSUP: NO_HARD_LINKS,
  EOPNOTSUPP: NO_HARD_LINKS,
  ENOSYS: NO_HARD_LINKS,
};

/** Without hard links, vfat, exfat and some FUSE file systems return EPERM, while others return ENOTSUP. */
const KNOWN_OF_LINK: Readonly<Record<string, (typeof KNOWN)[string]>> = { EPERM: NO_HARD_LINKS };
