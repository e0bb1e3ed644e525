import { describe, expect, it } from 'vitest';
import { fixedLength } from '../../src/formats/binary/fixed-length.ts';
import { generate } from '../../src/formats/binary/generate.ts';
import { wholeFiles } from '../../src/formats/binary/whole-files.ts';
import { gzip, zstd } from '../../src/formats/compressed-sinks.ts';
import { inFiles } from '../../src/formats/file-sinks.ts';
import { jsonDocuments } from '../../src/formats/json/json-documents.ts';
import { jsonLines } from '../../src/formats/json/json-lines.ts';
import { textLines } from '../../src/formats/text/text-lines.ts';

describe('an option that a format does not have is refused, since it would be ignored', () => {
  it.each([
    ['textLines()', 'encodng', 'encoding', (given: never) => textLines(given)],
    ['wholeFiles()', 'invald', 'invalid', (given: never) => wholeFiles(given)],
    ['jsonLines()', 'selct', 'select', (given: never) => jsonLines(given)],
    ['jsonDocuments()', 'paht', 'path', (given: never) => jsonDocuments(given)],
    ['generate()', 'recordsPerTsk', 'recordsPerTask', (given: never) => generate(5, given)],
    ['gzip()', 'levl', 'level', (given: never) => gzip(fixedLength(1), given)],
    ['zstd()', 'levl', 'level', (given: never) => zstd(fixedLength(1), given)],
    ['inFiles()', 'targetByte', 'targetBytes', (given: never) => inFiles(given, fixedLength(1))],
  ])('%s { %s }', (format, wrong, right, make) => {
    expect(() => make({ [wrong]: 1 } as never)).toThrow(
      expect.objectContaining({
        name: 'JobDefinitionError',
        message: expect.stringMatching(
          new RegExp(
            `^${format.replace('()', '')}\\(\\) has no option "${wrong}"; it has .*Did you mean "${right}"`,
          ),
        ),
      }),
    );
    expect(() => make(5 as never)).toThrow(expect.objectContaining({ name: 'JobDefinitionError' }));
  });

  it('jsonLines() says how to pass a schema', () => {
    expect(() => jsonLines({ schema: {} } as never)).toThrow(/Pass the schema itself: jsonLines\(schema\)/);
  });
});
