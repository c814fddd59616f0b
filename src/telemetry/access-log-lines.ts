import type { SocketAddress } from '../data-plane/data-plane.ts';
import type { ClientProfile } from '../tls/client-profile.ts';
import type { ConnectionSummary } from './connection-summary.ts';
import type { GatheredLines } from './gathered-lines.ts';
import {
  mostBytesPerUnit,
  writeAscii,
  writeBytes,
  writeDuration,
  writeNumber,
  writeText,
} from './json-bytes.ts';

/** More than the keys, numbers and addresses of a line, and what is the same in every one, can take. */
const mostFixedBytes = 1024;

/**
 * Writes connections as the access log shows them: every key is always there, null where there is nothing to say. What
 * many lines have in common is kept as bytes.
 */
export class AccessLogLines {
  /** Of this second since 1970: up to the milliseconds. */
  #startSecond = -1;
  #start: Uint8Array = new Uint8Array(0);
  readonly #profiles = new WeakMap<ClientProfile, Uint8Array>();

  /** False where `lines` had no room left. `nowMs`: when the connection ended, since 1970. */
  write(
    lines: Pick<GatheredLines, 'roomFor' | 'end' | 'add'>,
    summary: ConnectionSummary,
    nowMs: number,
  ): boolean {
    const { listener, serverName, route, upstream, endpoint } = summary;
    const profile = this.#profileBytes(summary.profile);
    const units = textUnits(listener, serverName) + textUnits(route, upstream) + textUnits(endpoint);
    const to = lines.roomFor(mostFixedBytes + profile.length + mostBytesPerUnit * units);
    if (to === undefined) return false;
    let at = this.#writeTime(to, lines.end, nowMs);
    at = writeAscii(to, writeBytes(to, at, key.id), summary.id);
    at = writeText(to, writeBytes(to, at, key.listener), listener);
    at = writeSocketAddress(to, writeBytes(to, at, key.client), summary.client);
    at = writeText(to, writeBytes(to, at, key.serverName), serverName);
    to.set(profile, at);
    at += profile.length;
    at = writeText(to, writeBytes(to, at, key.route), route);
    at = writeText(to, writeBytes(to, at, key.upstream), upstream);
    at = writeText(to, writeBytes(to, at, key.endpoint), endpoint);
    lines.add(writeEnding(to, at, summary.ending));
    return true;
  }

  #writeTime(to: Uint8Array, at: number, nowMs: number): number {
    const second = Math.floor(nowMs / 1000);
    if (second !== this.#startSecond) {
      this.#startSecond = second;
      this.#start = ascii(`{"time":"${new Date(second * 1000).toISOString().slice(0, -4)}`);
    }
    const end = writeBytes(to, at, this.#start);
    // With a leading 1, which the dot then replaces, it always has three digits more.
    writeNumber(to, end - 1, 1000 + nowMs - second * 1000);
    to[end - 1] = dot;
    return end + 3;
  }

  #profileBytes(profile: ClientProfile | undefined): Uint8Array {
    if (profile === undefined) return noProfile;
    let bytes = this.#profiles.get(profile);
    if (bytes === undefined) {
      const { alpn, tlsVersion, ja4, ech } = profile;
      bytes = Buffer.from(`,${JSON.stringify({ alpn, tlsVersion, ja4, ech }).slice(1, -1)}`);
      this.#profiles.set(profile, bytes);
    }
    return bytes;
  }
}

function writeEnding(to: Buffer, from: number, ending: ConnectionSummary['ending']): number {
  let at = writeNumber(to, writeBytes(to, from, key.attempts), ending.attempts);
  at = writeNumber(to, writeBytes(to, at, key.bytesUp), ending.bytesUp);
  at = writeNumber(to, writeBytes(to, at, key.bytesDown), ending.bytesDown);
  at = writeDuration(to, writeBytes(to, at, key.helloMs), ending.helloMs);
  at = writeDuration(to, writeBytes(to, at, key.connectMs), ending.connectMs);
  at = writeDuration(to, writeBytes(to, at, key.durationMs), ending.durationMs);
  at = writeAscii(to, writeBytes(to, at, key.outcome), ending.outcome);
  return writeBytes(to, at, lineEnd);
}

function writeSocketAddress(to: Uint8Array, from: number, { address, port, family }: SocketAddress): number {
  let at = from;
  if (family === 6) to[at++] = openBracket;
  at = writeAscii(to, at, address);
  if (family === 6) to[at++] = closeBracket;
  to[at] = colon;
  return writeNumber(to, at + 1, port);
}

export function formatSocketAddress({ address, port, family }: SocketAddress): string {
  return family === 6 ? `[${address}]:${port}` : `${address}:${port}`;
}

function textUnits(one: string | undefined, other?: string): number {
  return (one?.length ?? 0) + (other?.length ?? 0);
}

function ascii(text: string): Uint8Array {
  return Buffer.from(text, 'latin1');
}

const dot = 0x2e;
const colon = 0x3a;
const openBracket = 0x5b;
const closeBracket = 0x5d;

const noProfile = ascii(',"alpn":null,"tlsVersion":null,"ja4":null,"ech":null');
const lineEnd = ascii('"}\n');
/** What goes before each value, the end of the one before it where that is known. */
const key = {
  id: ascii('Z","id":"'),
  listener: ascii('","listener":'),
  client: ascii(',"client":"'),
  serverName: ascii('","serverName":'),
  route: ascii(',"route":'),
  upstream: ascii(',"upstream":'),
  endpoint: ascii(',"endpoint":'),
  attempts: ascii(',"attempts":'),
  bytesUp: ascii(',"bytesUp":'),
  bytesDown: ascii(',"bytesDown":'),
  helloMs: ascii(',"helloMs":'),
  connectMs: ascii(',"connectMs":'),
  durationMs: ascii(',"durationMs":'),
  outcome: ascii(',"outcome":"'),
} as const;
