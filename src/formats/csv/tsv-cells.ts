/** Reads the cells that `tsv()` writes. */
import { parseJson } from '../../codec/parse-json.ts';
import type { Cells } from './cells.ts';
import { shown } from './messages.ts';
import { whyNoNumber } from './number-cell.ts';

/** Returns the value of a cell. If there is none, it sets `cells.problem`, and what it returns means nothing. */
export type TsvCellReader = (cells: Cells, column: number) => unknown;

const OTHER_FILES = "If this file was not written by tsv(), use csv({ delimiter: '\\t', quote: false }).";

/**
 * @param name  of the column, for messages: `key`, `value[1]`
 * @param type  one that `tsv()` reads
 */
export function cellReader(name: string, type: unknown): TsvCellReader {
  if (type === 'string') return textReader(name);
  if (type === 'number') return numberReader(name);
  if (type === 'bytes') return bytesReader(name);
  return jsonReader(name, shapeOf(type));
}

function textReader(name: string): TsvCellReader {
  return (cells, column) => unescaped(cells, name, cells.text(column));
}

function numberReader(name: string): TsvCellReader {
  return (cells, column) => {
    const value = cells.number(column);
    if (value !== undefined) return value;
    const text = cells.text(column);
    cells.problem ??=
      text === ''
        ? `${name} is empty, which is not a number. Correct it, or declare it as 'string'.`
        : `${name} is ${shown(text)}, which ${whyNoNumber(text).what}. Correct it, or declare it as 'string'.`;
    return undefined;
  };
}

function jsonReader(name: string, isShape: (value: unknown) => boolean): TsvCellReader {
  return (cells, column) => {
    const text = unescaped(cells, name, cells.text(column));
    let value: unknown = null;
    try {
      if (text !== '') value = parseJson(text);
    } catch {
      cells.problem ??= `${name} is ${shown(text)}, which is not JSON. Correct it, or declare it as 'string'. ${OTHER_FILES}`;
      return null;
    }
    if (!isShape(value)) {
      cells.problem ??= `${name} is ${shown(text)}, which does not have the type that the job declares for it. Correct it, or declare it as json<T>() and check it in map.`;
    }
    return value;
  };
}

const BACKSLASH = 0x5c;
const LETTERS: Readonly<Record<string, string>> = { t: '\t', n: '\n', r: '\r', '\\': '\\' };

function unescaped(cells: Cells, name: string, text: string): string {
  if (!text.includes('\\')) return text;
  return text.replace(/\\(.?)/gsu, (whole, letter: string) => {
    const character = LETTERS[letter];
    if (character === undefined) refuseEscape(cells, name, whole);
    return character ?? '';
  });
}

function bytesReader(name: string): TsvCellReader {
  return (cells, column) => {
    const start = cells.startOf(column);
    const end = cells.endOf(column);
    const { bytes } = cells;
    const copy = new Uint8Array(end - start);
    let size = 0;
    for (let at = start; at < end; at++) {
      let byte = bytes[at]!;
      if (byte === BACKSLASH) {
        at += 1;
        const pair = at < end ? bytes.toString('latin1', at - 1, at + 1) : '\\';
        const character = LETTERS[pair.slice(1)];
        if (character === undefined) refuseEscape(cells, name, pair);
        else byte = character.charCodeAt(0);
      }
      copy[size++] = byte;
    }
    return size === copy.length ? copy : copy.slice(0, size);
  };
}

function refuseEscape(cells: Cells, name: string, found: string): void {
  cells.problem ??= `${name} holds ${shown(found)}, which is not one of the escapes \\t, \\n, \\r and \\\\. ${OTHER_FILES}`;
}

/** A function that checks values of JSON: for json<T>(), or for a tuple inside a tuple, which is written as JSON. */
function shapeOf(type: unknown): (value: unknown) => boolean {
  if (!Array.isArray(type))
    return type === 'string' || type === 'number' ? (value) => typeof value === type : () => true;
  const shapes = type.map(shapeOf);
  return (value) =>
    Array.isArray(value) && value.length === shapes.length && shapes.every((isShape, i) => isShape(value[i]));
}
