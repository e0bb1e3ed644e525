/**
 * What the operating system says (errno), as one of our errors, with the path and the next step. Where no second
 * attempt can help (permissions, names, a full disk) the error is one that is not retried.
 */
import { type ErrorName, MapReduceError } from '../../base/errors.ts';
import { objectNotFound } from '../conditions.ts';

export interface FileErrorContext {
  /** An infinitive: 'read', 'write'. */
  readonly action: string;
  /** Of link(): what it refuses to the owner of a file, the file system does not have. */
  readonly isLink?: boolean;
  readonly path: string;
  readonly key: string;
}

export function errnoOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | undefined)?.code;
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

/** The name of the error that fileError() would make of it. */
export function errorNameOfErrno(error: unknown): ErrorName {
  return KNOWN[errnoOf(error) ?? '']?.name ?? 'StorageError';
}

/**
 * Why the operating system refused, and the next step: 'a folder has that name (EISDIR). Remove the folder or ...'.
 *
 * @param remedies  by errno, where the usual one does not fit
 */
export function explainErrno(error: unknown, remedies: Readonly<Record<string, string>> = {}): string {
  const code = errnoOf(error) ?? '';
  const known = KNOWN[code];
  const reason = known?.reason ?? REASONS[code] ?? (error instanceof Error ? error.message : String(error));
  const remedy = remedies[code] ?? known?.remedy;
  const told = reason.includes(code) ? reason : `${reason} (${code})`;
  return remedy === undefined ? told : `${told}. ${remedy}`;
}

/** Of those that fileError() handles elsewhere. */
const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'a folder of its path does not exist',
  EBADF: 'it is not open for writing',
  EIO: 'the device failed',
};

const PERMISSION = {
  name: 'UsageError',
  reason: 'permission denied',
  remedy: "Look at the owner and mode of it and of its folders with 'ls -ld', or run as a user who may.",
} as const;
const FULL = {
  name: 'DiskFullError',
  reason: 'no space left on the device, or a quota is used up',
  remedy:
    'Free some space, or name folders on a larger device: --output for results, --scratch for what is spilled.',
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
  reason: 'this file system does not do what the store needs',
  remedy:
    'The output folder must be on one with hard links and times, such as ext4, xfs, btrfs, tmpfs or APFS.',
} as const;

const KNOWN: Readonly<Record<string, { name: ErrorName; reason: string; remedy: string }>> = {
  EACCES: PERMISSION,
  EPERM: PERMISSION,
  EROFS: {
    name: 'UsageError',
    reason: 'the file system is read-only',
    remedy: 'Choose a folder that can be written.',
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
    remedy: "Look with 'ls -ld', then remove it or choose another path.",
  },
  ENAMETOOLONG: {
    name: 'UsageError',
    reason: 'the name is too long for this file system',
    remedy: 'Most take 255 bytes a name and 4,096 a path: choose a shorter one.',
  },
  ELOOP: {
    name: 'UsageError',
    reason: 'its symbolic links lead round in a circle',
    remedy: 'Remove one of them.',
  },
  EXDEV: {
    name: 'UsageError',
    reason: 'another device is mounted below the output folder',
    remedy: 'Choose an output folder that is on one device.',
  },
  ENOSPC: FULL,
  EDQUOT: FULL,
  EFBIG: {
    name: 'DiskFullError',
    reason: 'the file would grow larger than is allowed here',
    remedy: "Raise the limit with 'ulimit -f', or use a file system that takes larger files.",
  },
  EMFILE: DESCRIPTORS,
  ENFILE: DESCRIPTORS,
  ENOTSUP: NO_HARD_LINKS,
  EOPNOTSUPP: NO_HARD_LINKS,
  ENOSYS: NO_HARD_LINKS,
};

/** vfat, exfat and some file systems in user space answer EPERM where others say ENOTSUP. */
const KNOWN_OF_LINK: Readonly<Record<string, (typeof KNOWN)[string]>> = { EPERM: NO_HARD_LINKS };
