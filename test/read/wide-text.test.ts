/** Distinguishing UTF-16 and UTF-32 without a byte order mark from single-byte text that holds NULs or control characters. */
import { describe, expect, test } from 'vitest';
import { seededRandom } from '../../simulation/seeded-random.ts';
import { KIND_BYTES } from '../../src/read/file-kind.ts';
import { wideTextKind } from '../../src/read/wide-text.ts';

const TEXTS = {
  English: 'how are you today\n',
  Vietnamese: 'tôi đang học tiếng Việt ở trường\n',
  Polish: 'zażółć gęślą jaźń\n',
  Russian: 'привет мир как дела у тебя\n',
  Greek: 'καλημέρα κόσμε τι κάνεις\n',
  Hebrew: 'שלום עולם מה שלומך\n',
  Arabic: 'مرحبا بالعالم كيف حالك\n',
  Hindi: 'नमस्ते दुनिया आप कैसे हैं\n',
  Bengali: 'আমার সোনার বাংলা\n',
  Punjabi: 'ਸਤ ਸ੍ਰੀ ਅਕਾਲ ਤੁਸੀਂ ਕਿਵੇਂ ਹੋ\n',
  Thai: 'สวัสดีชาวโลก\n',
  Georgian: 'გამარჯობა მსოფლიო\n',
  Chinese: '你好世界，今天天气很好。我们一起去公园散步吧！\n',
  'Chinese with spaces': '一 二 三\n你好 世界\n',
  Japanese: 'こんにちは世界。今日はいい天気ですね、散歩に行きましょう。\n',
  Korean: '안녕하세요 세계 오늘은 날씨가 좋네요\n',
  emoji: '😀 good 😃 day 🚀\n',
};
const SHORT = ['hi\n', 'a\n', 'a b', 'да\n', 'ναι\n', 'ありがとう\n', '是的\n世界\n', 'नमस्ते\n', 'نعم\n'];

function utf16(text: string, order: 'LE' | 'BE'): Buffer {
  const bytes = Buffer.from(text, 'utf16le');
  return order === 'LE' ? bytes : bytes.swap16();
}

function utf32(text: string, order: 'LE' | 'BE'): Buffer {
  const bytes = Buffer.from(Uint32Array.from(text, (character) => character.codePointAt(0)!).buffer);
  return order === 'LE' ? bytes : bytes.swap32();
}

describe('wide text is recognised by its bytes', () => {
  const all = [...Object.entries(TEXTS), ...SHORT.map((text) => [`short, ${text.trim()}`, text] as const)];

  test.each(all)('%s', (_, text) => {
    for (const order of ['LE', 'BE'] as const) {
      expect([order, wideTextKind(utf16(text, order))]).toEqual([order, 'UTF-16']);
      expect([order, wideTextKind(utf32(text, order))]).toEqual([order, 'UTF-32']);
    }
  });

  test.each(Object.entries(TEXTS))('%s of which the head is cut, at any length', (_, text) => {
    for (const order of ['LE', 'BE'] as const) {
      const long = utf16(text.repeat(40), order);
      for (let length = KIND_BYTES - 5; length <= KIND_BYTES; length++) {
        expect([length, wideTextKind(long.subarray(0, length))]).toEqual([length, 'UTF-16']);
      }
    }
  });

  test.each([
    ['Chinese', TEXTS.Chinese.trim()],
    ['a poem', '床前明月光疑是地上霜举头望明月低头思故乡'],
    ['Japanese', '吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。'],
  ])('%s without a space or a line end in the head', (_, line) => {
    for (const order of ['LE', 'BE'] as const) {
      const head = utf16(line.repeat(40), order).subarray(0, KIND_BYTES);

      expect([order, wideTextKind(head)]).toEqual([order, 'UTF-16']);
    }
  });
});

describe('single-byte text is not wide text', () => {
  const latin1 = (text: string) => Buffer.from(text, 'latin1');
  const GERMAN = 'Über die Straße, größer als schön\nÄpfel für Österreich\n';

  test.each<[string, Buffer]>([
    ['nothing', Buffer.alloc(0)],
    ['a NUL', Buffer.from('\0')],
    ['a letter and a NUL', Buffer.from('a\0')],
    ['a line that ends in a NUL', Buffer.from('abcd\n\0')],
    ['lines that end in a NUL', Buffer.from('line one\n\0line two\n\0')],
    ['names from find -print0', Buffer.from('./a\0./bc\0./d e\0')],
    ['columns of one digit', Buffer.from('1\t0\t1\t1\n0\t0\t1\t0\n')],
    ['lines of one digit', Buffer.from('1\n2\n3\n4\n5\n6\n')],
    ['columns with ^A', Buffer.from('john\x0123\x01us\nmary\x0131\x01de\n')],
    ['digits with ^A', Buffer.from('1\x010\x011\x010\x01\n1\x010\x011\x01')],
    ['digits with ^A and ^B', Buffer.from('1\x022\x023\x024\x01x\n')],
    ['records with 0x1e and 0x1f', Buffer.from('a\x1fb\x1fc\x1fd\x1ee\x1ff\x1fg\x1fh\x1e')],
    ['colours of a terminal', Buffer.from('\x1b[31mred\x1b[0m\n')],
    ['Latin-1', latin1(GERMAN)],
    ['Latin-1 with a NUL', latin1(GERMAN.replace('die', 'd\0ie'))],
    ['Latin-1 with a NUL at its end', latin1(`${GERMAN}\0`)],
    ['Latin-1 with ^A', latin1(GERMAN.replaceAll(' ', '\x01'))],
    ['Latin-1 with ^A between letters', latin1('ä\x01b\x01c\x01é\x01'.repeat(20))],
    ['UTF-8 that is cut, with a NUL', Buffer.from(`\0${'ж'.repeat(300)}`).subarray(0, KIND_BYTES)],
  ])('%s', (_, bytes) => {
    expect(wideTextKind(bytes)).toBeUndefined();
  });

  test.each(Object.entries(TEXTS))('UTF-8 with a stray NUL or control character anywhere: %s', (_, text) => {
    const bytes = Buffer.from(text.repeat(2));
    for (const stray of [0, 1, 7]) {
      for (let at = 0; at <= bytes.length; at++) {
        const mixed = Buffer.concat([bytes.subarray(0, at), Buffer.of(stray), bytes.subarray(at)]);
        expect([stray, at, wideTextKind(mixed)]).toEqual([stray, at, undefined]);
      }
    }
  });

  test('random lines of words with some NULs, in UTF-8 and Latin-1', () => {
    const seed = 20260;
    const random = seededRandom(seed);
    const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)]!;
    const words = [...GERMAN.split(/\s/), 'the', 'of', 'x=1', '{"a":"b"}', '2024-01-01', '€', 'naïve'];

    for (let round = 0; round < 2_000; round++) {
      const count = 8 + Math.floor(random() * 30);
      const text = Array.from(
        { length: count },
        () => pick(words) + pick([' ', ' ', ' ', '\n', '\0', '\t']),
      ).join('');
      for (const encoding of ['utf8', 'latin1'] as const) {
        expect([seed, round, text, wideTextKind(Buffer.from(text, encoding))]).toEqual([
          seed,
          round,
          text,
          undefined,
        ]);
      }
    }
  });

  test('random bytes', () => {
    const random = seededRandom(7);
    for (let round = 0; round < 500; round++) {
      const bytes = Buffer.from(Array.from({ length: KIND_BYTES }, () => Math.floor(random() * 256)));

      expect(wideTextKind(bytes)).toBeUndefined();
    }
  });
});
