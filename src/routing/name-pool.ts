import { hashName, isNameAt, type NameKind } from './packed-routes.ts';

/** A slot for every two thirds of a name at most: then a lookup looks at two or three. */
const slotsPerName = 1.5;
const longestName = 255;

/** The hash table of names and the pool of text, while they are filled. */
export class NamePool {
  /** By slot: what the name there leads to, for the owner to set. */
  readonly values: (number | undefined)[];
  readonly #offsets: Uint32Array;
  readonly #mask: number;
  #text = Buffer.alloc(4096);
  #length = 1;

  constructor(mostNames: number) {
    let slots = 4;
    while (slots < mostNames * slotsPerName) slots *= 2;
    this.values = new Array(slots);
    this.#offsets = new Uint32Array(slots);
    this.#mask = slots - 1;
  }

  /** The slot of a name, which is added where it is new. */
  slotOf(kind: NameKind, name: string): number {
    let slot = hashName(kind, name, 0) & this.#mask;
    for (;;) {
      const offset = this.#offsets[slot] ?? 0;
      if (offset === 0) break;
      if (isNameAt(this.#text, offset, kind, name, 0)) return slot;
      slot = (slot + 1) & this.#mask;
    }
    if (name.length > longestName) throw new TypeError(`"${name}" is too long for a server name`);
    this.#reserve(2 + name.length);
    this.#offsets[slot] = this.#length;
    this.#text[this.#length++] = kind;
    this.#text[this.#length++] = name.length;
    this.#length += this.#text.write(name, this.#length, 'latin1');
    return slot;
  }

  offsetAt(slot: number): number {
    return this.#offsets[slot] ?? 0;
  }

  /** Its offset. */
  addText(text: string): number {
    const bytes = Buffer.byteLength(text);
    this.#reserve(4 + bytes);
    const offset = this.#length;
    this.#text.writeUInt32LE(bytes, offset);
    this.#length += 4 + this.#text.write(text, offset + 4, 'utf8');
    return offset;
  }

  /** Offsets and values by turns. */
  slots(): Uint32Array {
    const slots = new Uint32Array(this.#offsets.length * 2);
    for (const [slot, offset] of this.#offsets.entries()) {
      slots[2 * slot] = offset;
      slots[2 * slot + 1] = this.values[slot] ?? 0;
    }
    return slots;
  }

  get text(): Uint8Array {
    return this.#text.subarray(0, this.#length);
  }

  #reserve(bytes: number): void {
    if (this.#length + bytes <= this.#text.length) return;
    const larger = Buffer.alloc(2 * (this.#length + bytes));
    larger.set(this.#text);
    this.#text = larger;
  }
}
