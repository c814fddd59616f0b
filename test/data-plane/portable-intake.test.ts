import { strict as assert } from 'node:assert';
import { describe, it } from 'node:test';
import { PortableIntake } from '../../src/data-plane/portable-intake.ts';

/** Reads as libuv does: into the buffer the intake names, as much of it as `bytes` says. */
function read(intake: PortableIntake, bytes: number | 'full', fill: number): Uint8Array {
  const { buffer, callback } = intake.onread;
  assert.ok(typeof buffer === 'function');
  const memory = buffer();
  const size = bytes === 'full' ? memory.length : bytes;
  memory.fill(fill, 0, size);
  callback(size, memory);
  return memory;
}

describe('the intake of an upstream', () => {
  it('reads small chunks of all sockets into one buffer and copies them out', () => {
    const chunks: Buffer[] = [];
    const [first, second] = [new PortableIntake(), new PortableIntake()];
    for (const intake of [first, second]) intake.onChunk = (chunk) => chunks.push(chunk) > 0;
    const memory = read(first, 100, 1);
    assert.equal(read(second, 200, 2), memory);
    assert.deepEqual(chunks, [Buffer.alloc(100, 1), Buffer.alloc(200, 2)]);
  });

  it('reads into a larger buffer of its own after a read that filled the shared one, and passes that on in place', () => {
    const intake = new PortableIntake();
    const chunks: Buffer[] = [];
    intake.onChunk = (chunk) => chunks.push(chunk) > 0;
    const shared = read(intake, 'full', 1);
    const own = read(intake, 'full', 2);
    assert.ok(own.length > shared.length);
    assert.deepEqual(
      chunks.map((chunk) => chunk.length),
      [shared.length, own.length],
    );
    assert.equal(chunks[1]?.buffer, own.buffer);
    assert.notEqual(chunks[0]?.buffer, shared.buffer);
  });

  it('copies large chunks into memory that it uses again, unless that is still being written from', () => {
    const intake = new PortableIntake();
    const chunks: Buffer[] = [];
    for (const isFree of [true, false, false, true]) {
      intake.onChunk = (chunk) => {
        chunks.push(chunk);
        return isFree;
      };
      read(intake, 10_000, chunks.length);
    }
    const [first, second, third, fourth] = chunks.map(({ buffer }) => buffer);
    assert.equal(second, first);
    assert.notEqual(third, second);
    assert.notEqual(fourth, third);
    assert.deepEqual(chunks[1], Buffer.alloc(10_000, 1));
    assert.deepEqual(chunks[2], Buffer.alloc(10_000, 2));
  });

  it('goes back to the shared buffer when a read no longer fills its own', () => {
    const intake = new PortableIntake();
    intake.onChunk = () => true;
    const shared = read(intake, 'full', 1);
    assert.notEqual(read(intake, 10, 2), shared);
    assert.equal(read(intake, 10, 3), shared);
  });

  it('keeps its own buffer while that is still being written from', () => {
    const intake = new PortableIntake();
    intake.onChunk = () => true;
    read(intake, 'full', 1);
    intake.onChunk = () => false;
    const own = read(intake, 10, 2);
    assert.equal(read(intake, 10, 3), own);
    const other = new PortableIntake();
    other.onChunk = () => true;
    read(other, 'full', 4);
    assert.notEqual(read(other, 10, 5), own);
  });
});
