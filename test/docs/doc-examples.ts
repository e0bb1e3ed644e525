/**
 * Reads the examples of a page. A code block in TypeScript is an example. What its other blocks are, the info string says,
 * of which readers see only the language:
 *
 *     ```csv users.csv       before an example: an input file of this name
 *     ```tsv result          after an example: all that the job writes
 *     ```csv result rare/    after an example: the files whose names start with this
 *     ```txt files           after an example: the names of the parts
 */
export interface DocExample {
  /** The heading above it, and its number if that section has several. */
  readonly name: string;
  readonly code: string;
  readonly files: Readonly<Record<string, string>>;
  /** By the start of the names of files; '' for all. */
  readonly results: Readonly<Record<string, string>>;
  readonly fileNames: readonly string[] | undefined;
}

type Open = { -readonly [K in keyof DocExample]: DocExample[K] } & { results: Record<string, string> };

export function examplesOf(page: string): DocExample[] {
  const examples: Open[] = [];
  let section = '';
  let inSection = 0;
  let files: Record<string, string> = {};
  for (const [, heading, language, info, code] of page.matchAll(
    /^#+ ([^\n]*)$|^```(\w+)(?: ([^\n]*))?\n(.*?)^```$/gms,
  )) {
    const last = examples.at(-1);
    if (heading !== undefined) {
      section = heading;
      inSection = 0;
      files = {};
    } else if (language === 'ts') {
      inSection += 1;
      const name = inSection === 1 ? section : `${section}, ${inSection}`;
      examples.push({ name, code: code!, files, results: {}, fileNames: undefined });
      files = {};
    } else if (info === 'files') {
      last!.fileNames = code!.trimEnd().split('\n');
    } else if (info?.startsWith('result')) {
      last!.results[info.slice('result'.length).trim()] = code!;
    } else if (info !== undefined) {
      files[info] = code!;
    }
  }
  return examples;
}

/** Completes an example to a module: with its import, and as the fields of a job unless it has a job itself. */
export function moduleOf(code: string, exported: readonly string[]): string {
  const module = code.includes('defineJob(')
    ? code
    : `export default defineJob({\nname: 'example',\ndescription: 'An example',\n${code}});\n`;
  if (/^import /m.test(code)) return module;
  const used = exported.filter((name) => new RegExp(`(?<![.\\w])${name}[(<]`).test(module));
  return `import { ${used.join(', ')} } from 'serverless-mapreduce';\n${module}`;
}
