import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crc32c } from '../../src/proxy-protocol/crc32c.ts';

const ascending = Uint8Array.from({ length: 32 }, (_, index) => index);

/** An iSCSI SCSI Read (10) command PDU. */
const readCommand = Buffer.from(
  '01c000000000000000000000000000001400000000000400000000140000001828000000000000000200000000000000',
  'hex',
);

/** RFC 3720 appendix B.4, which writes the CRC with its least significant byte first. */
const vectors: ReadonlyArray<readonly [name: string, bytes: Uint8Array, crc: number]> = [
  ['32 bytes of zeros', new Uint8Array(32), 0x8a9136aa],
  ['32 bytes of ones', new Uint8Array(32).fill(0xff), 0x62a8ab43],
  ['32 ascending bytes', ascending, 0x46dd794e],
  ['32 descending bytes', ascending.toReversed(), 0x113fdb5c],
  ['an iSCSI read command', readCommand, 0xd9963a56],
  ['the digits that catalogues of CRCs check with', Buffer.from('123456789'), 0xe3069283],
  ['nothing', new Uint8Array(0), 0],
];

for (const [name, bytes, crc] of vectors) {
  test(`CRC32C of ${name}`, () => {
    assert.equal(crc32c(bytes), crc);
  });
}

test('CRC32C goes on from the CRC of what came before, over any part of the bytes', () => {
  for (let split = 0; split <= readCommand.length; split++) {
    const before = crc32c(readCommand, 0, split);
    assert.equal(crc32c(readCommand, split, readCommand.length, before), 0xd9963a56);
  }
});
