import { describe, expect, test } from 'vitest';
import { badRecordText, tooManyBad } from '../../src/read/bad-records.ts';

describe('the text about a bad record', () => {
  test('names the file, the line and the byte', () => {
    expect(badRecordText({ message: 'odd', offset: 12, line: 3 }, 'in/a')).toBe(
      'in/a, line 3 (byte 12): odd',
    );
  });

  test('names the number of a generated record, which is in no file', () => {
    const error = tooManyBad({ count: 2, first: [{ file: '', offset: 7, message: 'map() threw odd' }] }, 1);

    expect(error.message).toMatch(/The first: record 7: map\(\) threw odd$/);
    expect(error.details).toEqual({ record: 7 });
  });

  test('goes on after a message that ends with a full stop', () => {
    const error = tooManyBad({ count: 1, first: [{ file: 'in/a', offset: 0, message: 'Correct it.' }] }, 0);

    expect(error.message).toMatch(/Correct it\. To skip/);
  });
});
