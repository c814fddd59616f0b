import { splitIntoRecords } from './hello-builder.ts';
import type { Random } from './random.ts';

/** A hello of the corpus after one to four small accidents. */
export function mutated(corpus: readonly Uint8Array[], random: Random): Uint8Array {
  let bytes: Uint8Array = pick(corpus, random).slice();
  for (let left = 1 + random.below(4); left > 0; left--)
    bytes = pick(accidents, random)(bytes, random, corpus);
  return bytes;
}

type Accident = (bytes: Uint8Array, random: Random, corpus: readonly Uint8Array[]) => Uint8Array;

const accidents: readonly Accident[] = [
  flipBit,
  flipBit,
  setByte,
  editLength,
  editLength,
  splice,
  truncate,
  insert,
  split,
];

function flipBit(bytes: Uint8Array, random: Random): Uint8Array {
  const at = random.below(bytes.length);
  if (at < bytes.length) bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
  return bytes;
}

function setByte(bytes: Uint8Array, random: Random): Uint8Array {
  const values = [0, 1, 2, 0x0a, 0x16, 0x40, 0x7f, 0xfe, 0xff];
  if (bytes.length > 0) bytes[random.below(bytes.length)] = pick(values, random);
  return bytes;
}

/** Adds or takes a little where there is a small number, as lengths are. */
function editLength(bytes: Uint8Array, random: Random): Uint8Array {
  for (let tries = 0; tries < 8 && bytes.length > 0; tries++) {
    const at = random.below(bytes.length);
    const value = bytes[at] ?? 0;
    if (value >= 64) continue;
    bytes[at] = value + pick([-2, -1, 1, 2, 64], random);
    break;
  }
  return bytes;
}

/** Puts a piece of another hello over a piece of this one. */
function splice(bytes: Uint8Array, random: Random, corpus: readonly Uint8Array[]): Uint8Array {
  const other = pick(corpus, random);
  const from = random.below(other.length);
  const piece = other.subarray(from, from + 1 + random.below(64));
  const at = random.below(bytes.length);
  bytes.set(piece.subarray(0, bytes.length - at), at);
  return bytes;
}

function truncate(bytes: Uint8Array, random: Random): Uint8Array {
  return bytes.slice(0, random.below(bytes.length + 1));
}

function insert(bytes: Uint8Array, random: Random): Uint8Array {
  const at = random.below(bytes.length + 1);
  const longer = new Uint8Array(bytes.length + 1 + random.below(4));
  longer.set(bytes.subarray(0, at));
  longer.set(bytes.subarray(at), at + longer.length - bytes.length);
  return longer;
}

/** Moves the payload into records of other sizes; what is damaged already stays so. */
function split(bytes: Uint8Array, random: Random): Uint8Array {
  return splitIntoRecords(bytes, [1 + random.below(200), 1 + random.below(200), random.below(400)]);
}

function pick<T>(choices: readonly T[], random: Random): T {
  const choice = choices[random.below(choices.length)];
  if (choice === undefined) throw new RangeError('nothing to choose from');
  return choice;
}
