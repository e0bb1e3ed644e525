'use strict';
// Where V8's compiled code is kept between runs: code that runs as it lies there. Node's default is a folder of a known name
// in the machine's shared temporary folder, where any user may put it first. This one is the user's own, or there is none.
const { lstatSync, mkdirSync, realpathSync } = require('node:fs');
const module_ = require('node:module');
const { homedir } = require('node:os');
const { dirname, isAbsolute, join } = require('node:path');

const NAME = 'compile-cache';

/** Turns the compile cache on where that is safe. A start without it takes longer, and is otherwise the same. */
function enableOwnCompileCache() {
  // Chosen by the user, who answers for the folder: Node has turned it on already.
  if (process.env.NODE_COMPILE_CACHE !== undefined) return;
  const folder = ownFolder();
  if (folder !== undefined) module_.enableCompileCache(folder);
}

/** @returns {string | undefined} a folder that nobody but this user and root can put anything into */
function ownFolder() {
  try {
    const { XDG_CACHE_HOME: cache } = process.env;
    const base = cache !== undefined && isAbsolute(cache) ? cache : join(homedir(), '.cache');
    if (!isAbsolute(base)) return undefined; // HOME is empty.
    const parent = join(base, 'serverless-mapreduce');
    // Not recursive: that never ends below a folder where nothing can be created, such as /proc.
    for (const folder of [base, parent, join(parent, NAME)]) makeFolder(folder);
    // By its real path: a link on the way there may lie where others can point it elsewhere.
    const folder = join(realpathSync(parent), NAME);
    return isOwn(folder) ? folder : undefined;
  } catch {
    return undefined; // No home, or none that can be written to.
  }
}

function makeFolder(path) {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
  }
}

/** The folder itself is no link and closed to others; no folder above it lets others put another one in its place. */
function isOwn(folder) {
  if (process.getuid === undefined) return true; // Windows: profiles are closed to other users by default.
  const { uid, mode, isFolder } = look(folder);
  if (!isFolder || uid !== process.getuid() || (mode & 0o077) !== 0) return false;
  for (let above = dirname(folder); ; above = dirname(above)) {
    if (!isSafeAbove(look(above))) return false;
    if (above === dirname(above)) return true;
  }
}

function isSafeAbove({ uid, mode, isFolder }) {
  const isOpenToOthers = (mode & 0o022) !== 0;
  // Of a sticky folder, such as /tmp, others cannot rename what is not theirs.
  const isSticky = (mode & 0o1000) !== 0;
  return isFolder && (uid === 0 || uid === process.getuid()) && (!isOpenToOthers || isSticky);
}

function look(path) {
  const stats = lstatSync(path);
  return { uid: stats.uid, mode: stats.mode, isFolder: stats.isDirectory() };
}

module.exports = { enableOwnCompileCache, ownFolder };
