/**
 * Fails if the subject of one of the last commits is longer than CONTRIBUTING.md allows. In a shallow clone, this
 * checks only the commits that exist.
 */
import { spawnSync } from 'node:child_process';

const COMMITS = 20;
const CHARACTERS_MAX = 72;

const log = spawnSync('git', ['log', `--max-count=${COMMITS}`, '--no-merges', '--format=%h %s'], {
  encoding: 'utf8',
});
if (log.status !== 0) console.log('No commit subjects checked: there is no git history here.');
else {
  const subjects = log.stdout.split('\n').map((line) => {
    const [hash, subject = ''] = line.split(/ (.*)/s);
    // GitHub appends the number when it squashes a pull request.
    return { hash, length: [...subject.replace(/ \(#\d+\)$/, '')].length, subject };
  });
  for (const { hash, length, subject } of subjects.filter((commit) => commit.length > CHARACTERS_MAX)) {
    console.error(
      `${hash} has a subject of ${length} characters; at most ${CHARACTERS_MAX} are allowed: ${subject}`,
    );
    process.exitCode = 1;
  }
}
