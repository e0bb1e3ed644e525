'use strict';
// Runs a bundle of the published package with the code that V8 compiled for it in an earlier run. Node's own compile cache
// keeps a module as it was before it ran, without the functions in it, so that each start compiles hundreds of them again.
//
//     CRC-32 of the bundle | CRC-32 of the code | code, which V8 refuses if its version or flags differ
const { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } = require('node:fs');
const { getCompileCacheDir } = require('node:module');
const { basename, dirname, join, resolve } = require('node:path');
const { pathToFileURL } = require('node:url');
const { Script } = require('node:vm');
const { crc32 } = require('node:zlib');

const HEADER_BYTES = 8;
const PARAMETERS = 'exports, require, module, __filename, __import, __build';

/**
 * The bundle is a CommonJS script of ASCII characters that requires only modules of Node, and imports others later.
 *
 * @param {string} path
 * @param {object} build  what src/local/run/build-modules.ts has for the bundle, besides keepCompiledCode
 * @returns its exports
 */
function runBundle(path, build = {}) {
  const bytes = readFileSync(path);
  const keptPath = keptPathOf(path);
  const sourceCrc = crc32(bytes);
  const cachedData = keptPath === undefined ? undefined : codeIn(readIfAny(keptPath), sourceCrc);
  const script = new Script(`(function (${PARAMETERS}) {${bytes.latin1Slice()}\n})`, {
    filename: path,
    ...(cachedData === undefined ? {} : { cachedData }),
  });
  const isKept = cachedData !== undefined && script.cachedDataRejected === false;
  const keepCompiledCode = () => {
    if (keptPath !== undefined && !isKept) write(keptPath, script.createCachedData(), sourceCrc);
  };
  const load = (specifier) =>
    import(specifier.startsWith('.') ? pathToFileURL(resolve(dirname(path), specifier)).href : specifier);
  const made = { exports: {} };
  const run = script.runInThisContext();
  run(made.exports, process.getBuiltinModule, made, path, load, { ...build, keepCompiledCode });
  return made.exports;
}

/** Beside Node's own files, in the folder for this version of Node and this user; undefined if nothing is to be kept. */
function keptPathOf(path) {
  const folder = getCompileCacheDir?.();
  if (folder === undefined) return undefined;
  return join(folder, `${basename(path)}-${crc32(path).toString(16).padStart(8, '0')}`);
}

function readIfAny(path) {
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
}

/** Undefined if it is another bundle's, or damaged. */
function codeIn(bytes, sourceCrc) {
  if (bytes === undefined || bytes.length <= HEADER_BYTES) return undefined;
  const code = bytes.subarray(HEADER_BYTES);
  return bytes.readUInt32LE(0) === sourceCrc && bytes.readUInt32LE(4) === crc32(code) ? code : undefined;
}

/** Other threads and processes may write the same file. If it fails, the next run tries again. */
function write(path, code, sourceCrc) {
  let folder;
  try {
    const header = Buffer.alloc(HEADER_BYTES);
    header.writeUInt32LE(sourceCrc, 0);
    header.writeUInt32LE(crc32(code), 4);
    folder = mkdtempSync(join(dirname(path), 'writing-'));
    writeFileSync(join(folder, 'code'), Buffer.concat([header, code]), { mode: 0o600 });
    renameSync(join(folder, 'code'), path);
  } catch {
    // A disk that is full, or a folder that was removed.
  } finally {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  }
}

module.exports = { runBundle };
