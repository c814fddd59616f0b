import ipaddr from 'ipaddr.js';

import { type Parsed, parsed, refused } from './parsed.ts';
import { show } from './wording.ts';

/** Where to listen. An undefined host is every IPv4 and IPv6 address, port 0 an ephemeral one. */
export interface ListenAddress {
  readonly host: string | undefined;
  readonly port: number;
}

export interface SocketPath {
  readonly socketPath: string;
}

/** Where to connect to. */
export interface DialAddress {
  readonly host: string;
  /** Whether `host` is a name to be looked up rather than an IP address. */
  readonly isName: boolean;
  readonly port: number;
}

export const allowedListenAddresses = 'are addresses such as ":443", "192.0.2.1:443" and "[2001:db8::1]:443"';
export const allowedAdminAddresses =
  'are addresses such as "127.0.0.1:9901", "unix:/run/sluice.sock", and false';
export const allowedDialAddresses =
  'are addresses such as "192.0.2.1:8443", "[2001:db8::1]:8443" and "app.internal:8443"';
export const allowedNamesWithPort = 'are a name and a port, such as "app.internal:8443"';
export const allowedServices = 'are service names such as "_https._tcp.app.internal"';

/** `sun_path` of unix(7) has 108 bytes, the last of them zero. */
const maxSocketPathBytes = 107;

export function parseListenAddress(text: string): Parsed<ListenAddress> {
  const found = splitAddress(text, allowedListenAddresses, 0);
  if (!found.ok) return found;
  const { host, port } = found.value;
  return parsed({ host: host?.text, port });
}

export function parseAdminAddress(text: string): Parsed<ListenAddress | SocketPath> {
  if (!text.startsWith('unix:')) {
    const found = splitAddress(text, allowedAdminAddresses, 0);
    return found.ok ? parsed({ host: found.value.host?.text, port: found.value.port }) : found;
  }
  const socketPath = text.slice('unix:'.length);
  if (socketPath === '') return refused(`${show(text)} has no path; allowed ${allowedAdminAddresses}`);
  const bytes = Buffer.byteLength(socketPath);
  if (bytes <= maxSocketPathBytes) return parsed({ socketPath });
  return refused(`has a path of ${bytes} bytes; allowed are paths of at most ${maxSocketPathBytes}`);
}

export function parseDialAddress(text: string): Parsed<DialAddress> {
  const found = splitAddress(text, allowedDialAddresses, 1);
  if (!found.ok) return found;
  const { host, port } = found.value;
  if (host === undefined) return refused(`${show(text)} has no host; allowed ${allowedDialAddresses}`);
  return parsed({ host: host.text, isName: host.isName, port });
}

/** A name whose address records are the endpoints, and their port. */
export function parseNameWithPort(text: string): Parsed<DialAddress> {
  const found = parseDialAddress(text);
  if (!found.ok || found.value.isName) return found;
  return refused(`${show(text)} is an IP address, which needs no DNS; allowed ${allowedNamesWithPort}`);
}

/** The name of an SRV record (RFC 2782): `_service._protocol.name`. */
export function parseService(text: string): Parsed<string> {
  const match = /^(_[a-z0-9-]+\._[a-z0-9-]+)\.(.+)$/i.exec(text);
  const host = match?.[2] === undefined ? undefined : parseHost(match[2]);
  if (host?.isName === true) return parsed(`${match?.[1]}.${host.text}`.toLowerCase());
  return refused(`${show(text)} is not the name of a service; allowed ${allowedServices}`);
}

interface Host {
  readonly text: string;
  readonly isName: boolean;
}

function splitAddress(
  text: string,
  allowed: string,
  minPort: number,
): Parsed<{ host: Host | undefined; port: number }> {
  const match = /^(.*):(.*)$/s.exec(text);
  if (match?.[1] === undefined || match[2] === undefined) {
    return refused(`${show(text)} has no port; allowed ${allowed}`);
  }
  const [, hostText, portText] = match;
  if (ipaddr.IPv6.isValid(hostText)) {
    return refused(`${show(text)} has an IPv6 address without brackets; allowed ${allowed}`);
  }
  const host = hostText === '' ? undefined : parseHost(hostText);
  if (hostText !== '' && host === undefined) {
    return refused(`${show(text)} has a host that is no name and no IP address; allowed ${allowed}`);
  }
  const port = /^\d{1,5}$/.test(portText) ? Number(portText) : -1;
  if (port >= minPort && port <= 65535) return parsed({ host, port });
  return refused(
    `${show(text)} has a port that is not a number from ${minPort} to 65535; allowed ${allowed}`,
  );
}

function parseHost(text: string): Host | undefined {
  if (text.startsWith('[') && text.endsWith(']')) {
    const inner = text.slice(1, -1);
    return ipaddr.IPv6.isValid(inner)
      ? { text: ipaddr.IPv6.parse(inner).toString(), isName: false }
      : undefined;
  }
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return { text, isName: false };
  return isHostName(text) ? { text: text.toLowerCase(), isName: true } : undefined;
}

/** A name the resolver may be asked for; one that ends in a number is a mistyped IPv4 address. */
function isHostName(text: string): boolean {
  const name = text.endsWith('.') ? text.slice(0, -1) : text;
  const labels = name.split('.');
  const last = labels.at(-1) ?? '';
  return name.length <= 253 && labels.every((label) => /^[\w-]{1,63}$/.test(label)) && !/^\d+$/.test(last);
}
