import { crc32 } from 'node:zlib';
import { expect, test } from 'vitest';
import { crc32Text } from '../../src/base/crc32-text.ts';

test('a CRC-32 has eight digits, leading zeros included, signed or not', () => {
  expect(crc32Text(0)).toBe('00000000');
  expect(crc32Text(crc32('123456789'))).toBe('cbf43926');
  expect(crc32Text(crc32('123456789') | 0)).toBe('cbf43926');
  expect(Number.parseInt(crc32Text(0x00ab_cdef), 16)).toBe(0x00ab_cdef);
});
