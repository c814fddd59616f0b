import { readHelloBody } from './hello-body.ts';
import { addFeatures } from './hello-extensions.ts';
import {
  type HelloStatus,
  helloFact,
  helloFactCount,
  helloFeature,
  helloStatus,
  type MalformedReason,
  malformedReason,
} from './hello-facts.ts';
import { uint8At, uint16At } from './wire.ts';

const recordHeaderBytes = 5;
/** TLSPlaintext.length is at most 2^14 (RFC 8446 section 5.1). */
const maxRecordBytes = 16384;
const messageHeaderBytes = 4;
const handshakeRecord = 22;
const clientHelloMessage = 1;
const noBytes = new Uint8Array(0);

/**
 * Finds the ClientHello at the start of a connection, whatever TCP segments and TLS records it is split into.
 * `native/client_hello.cc` is the same scanner in C++; both give the same facts for every prefix of every input.
 *
 * Record framing resumes where the last scan stopped, and the body is read once, when all of it is there: the work
 * over all calls is linear in the input.
 */
export class HelloScanner {
  readonly facts = new Int32Array(helloFactCount);
  #maxHelloBytes: number;
  #message: Uint8Array = noBytes;
  #settled = false;

  /** Where the header of the current record starts. */
  #recordOffset = 0;
  /** Where the payload of the current record ends; 0 until its header has been read. */
  #payloadEnd = 0;
  #recordCount = 0;
  /** Bytes of the message in the records before the current one. */
  #earlierBytes = 0;
  /** The message's header, as far as earlier records carry it. */
  #messageHeader = 0;
  /** What the message's header says, itself included; 0 until it has been read. */
  #messageBytes = 0;

  /** `maxHelloBytes` counts the bytes on the wire, record headers included. */
  constructor(maxHelloBytes: number) {
    this.#maxHelloBytes = maxHelloBytes;
    this.reset();
  }

  /** After `complete`: the handshake message as one piece, a view of the input where it came in a single record. */
  get message(): Uint8Array {
    return this.#message;
  }

  /** Makes the scanner ready for another connection. */
  reset(maxHelloBytes = this.#maxHelloBytes): void {
    this.#maxHelloBytes = maxHelloBytes;
    this.#message = noBytes;
    this.#settled = false;
    this.#recordOffset = 0;
    this.#payloadEnd = 0;
    this.#recordCount = 0;
    this.#earlierBytes = 0;
    this.#messageHeader = 0;
    this.#messageBytes = 0;
    clearFacts(this.facts);
  }

  /**
   * Looks at everything received so far: each call repeats the bytes of the one before, from the connection's first
   * TLS byte on. Once the status is another than `incomplete`, further scans only repeat it.
   */
  scan(input: Uint8Array): HelloStatus {
    if (this.#settled) return this.facts[helloFact.status] as HelloStatus;
    for (;;) {
      if (this.#payloadEnd === 0) {
        const verdict = this.#readRecordHeader(input);
        if (verdict !== undefined) return verdict;
      }
      if (this.#messageBytes === 0) {
        const verdict = this.#readMessageHeader(input);
        if (verdict !== undefined) return verdict;
      }
      const messageEnd = this.#recordOffset + recordHeaderBytes + this.#messageBytes - this.#earlierBytes;
      if (this.#messageBytes > 0 && messageEnd <= this.#payloadEnd) {
        return input.length < messageEnd ? this.#incomplete(messageEnd) : this.#complete(input, messageEnd);
      }
      if (input.length <= this.#payloadEnd) return this.#incomplete(this.#payloadEnd + 1);
      this.#earlierBytes += this.#payloadEnd - this.#recordOffset - recordHeaderBytes;
      this.#recordOffset = this.#payloadEnd;
      this.#payloadEnd = 0;
    }
  }

  #readRecordHeader(input: Uint8Array): HelloStatus | undefined {
    const offset = this.#recordOffset;
    if (input.length <= offset) return this.#incomplete(offset + 1);
    if (input[offset] !== handshakeRecord) {
      return offset === 0 ? this.#settle(helloStatus.notTls) : this.#malformed(malformedReason.recordType);
    }
    if (input.length <= offset + 1) return this.#incomplete(offset + 2);
    if (input[offset + 1] !== 3) return this.#malformed(malformedReason.recordVersion);
    if (input.length < offset + recordHeaderBytes) return this.#incomplete(offset + recordHeaderBytes);
    const length = uint16At(input, offset + 3);
    if (length === 0) return this.#malformed(malformedReason.emptyRecord);
    if (length > maxRecordBytes) return this.#malformed(malformedReason.recordLength);
    this.#recordCount++;
    this.#payloadEnd = offset + recordHeaderBytes + length;
    return this.#leastWireBytes() > this.#maxHelloBytes ? this.#settle(helloStatus.tooLarge) : undefined;
  }

  /** Reads as much of the message's type and length as the current record carries. */
  #readMessageHeader(input: Uint8Array): HelloStatus | undefined {
    const payloadStart = this.#recordOffset + recordHeaderBytes;
    if (this.#earlierBytes === 0) {
      if (input.length <= payloadStart) return this.#incomplete(payloadStart + 1);
      if (input[payloadStart] !== clientHelloMessage) return this.#malformed(malformedReason.handshakeType);
    }
    const headerEnd = payloadStart + messageHeaderBytes - this.#earlierBytes;
    const end = Math.min(headerEnd, this.#payloadEnd);
    // A record that ends inside the header tells nothing until the next one begins.
    const neededBytes = headerEnd <= this.#payloadEnd ? headerEnd : this.#payloadEnd + 1;
    if (input.length < neededBytes) return this.#incomplete(neededBytes);
    for (let offset = payloadStart; offset < end; offset++) {
      this.#messageHeader = (this.#messageHeader << 8) | uint8At(input, offset);
    }
    if (end < headerEnd) return undefined;
    this.#messageBytes = messageHeaderBytes + (this.#messageHeader & 0xffffff);
    return this.#leastWireBytes() > this.#maxHelloBytes ? this.#settle(helloStatus.tooLarge) : undefined;
  }

  /** The fewest bytes the hello can have on the wire: whatever the current record lacks comes in the largest records. */
  #leastWireBytes(): number {
    const payloadStart = this.#recordOffset + recordHeaderBytes;
    const messageBytes = this.#messageBytes === 0 ? messageHeaderBytes : this.#messageBytes;
    const messageEnd = payloadStart + messageBytes - this.#earlierBytes;
    const missing = messageEnd - this.#payloadEnd;
    return missing <= 0 ? messageEnd : messageEnd + recordHeaderBytes * Math.ceil(missing / maxRecordBytes);
  }

  #complete(input: Uint8Array, messageEnd: number): HelloStatus {
    const message =
      this.#recordCount === 1
        ? input.subarray(recordHeaderBytes, messageEnd)
        : reassemble(input, this.#messageBytes);
    const facts = this.facts;
    const reason = readHelloBody(message, facts);
    if (reason !== malformedReason.none) return this.#malformed(reason);
    this.#message = message;
    facts[helloFact.wireBytes] = messageEnd;
    facts[helloFact.messageBytes] = this.#messageBytes;
    facts[helloFact.recordCount] = this.#recordCount;
    if (this.#recordCount > 1) addFeatures(facts, helloFeature.multiRecord);
    facts[helloFact.neededBytes] = 0;
    this.#settled = true;
    facts[helloFact.status] = helloStatus.complete;
    return helloStatus.complete;
  }

  #incomplete(neededBytes: number): HelloStatus {
    this.facts[helloFact.status] = helloStatus.incomplete;
    this.facts[helloFact.neededBytes] = neededBytes;
    return helloStatus.incomplete;
  }

  #malformed(reason: MalformedReason): HelloStatus {
    this.#settle(helloStatus.malformed);
    this.facts[helloFact.malformedReason] = reason;
    return helloStatus.malformed;
  }

  #settle(status: HelloStatus): HelloStatus {
    this.#settled = true;
    clearFacts(this.facts);
    this.facts[helloFact.status] = status;
    return status;
  }
}

/** Joins the payloads of records whose framing has been checked. */
function reassemble(input: Uint8Array, messageBytes: number): Uint8Array {
  const message = new Uint8Array(messageBytes);
  let filled = 0;
  let offset = 0;
  while (filled < messageBytes) {
    const payloadStart = offset + recordHeaderBytes;
    const length = uint16At(input, offset + 3);
    const taken = Math.min(length, messageBytes - filled);
    message.set(input.subarray(payloadStart, payloadStart + taken), filled);
    filled += taken;
    offset = payloadStart + length;
  }
  return message;
}

/** Nothing known: `incomplete`, every number 0, every part absent. */
function clearFacts(facts: Int32Array): void {
  facts.fill(0);
  facts[helloFact.status] = helloStatus.incomplete;
  for (let part = helloFact.serverNameOffset; part < helloFactCount; part += 2) facts[part] = -1;
}
