import { createHash, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
import { hostname } from 'node:os';

/** Where the admin server listens, as far as it decides who may ask what. */
export interface AdminExposure {
  /** Only processes of this machine reach it: a loopback address or a unix socket. */
  readonly isLocal: boolean;
  /** The name in `admin.address`, where it has one. */
  readonly host: string | undefined;
  readonly token: string | undefined;
}

export type Refusal = { readonly status: 401 | 403; readonly error: string };

interface Headers {
  readonly host?: string | undefined;
  readonly origin?: string | undefined;
  readonly 'sec-fetch-site'?: string | undefined;
  readonly authorization?: string | undefined;
}

/**
 * Why a request is not answered; undefined: it is.
 *
 * A page in a browser of this machine must neither read nor steer the proxy. It can come with a name of its own that
 * it has made resolve to this address (DNS rebinding): names that are not known as this server's are refused. It can
 * post here from its own origin: then the browser says so, in `Sec-Fetch-Site` or `Origin`.
 */
export function refuse(
  headers: Headers,
  changesSomething: boolean,
  exposure: AdminExposure,
): Refusal | undefined {
  const hasToken = carriesToken(headers.authorization, exposure.token);
  if (!hasToken && !isKnownHost(headers.host, exposure)) {
    const error = `the Host header ${JSON.stringify(headers.host)} is not known as this server's; ask by IP address, by the name in admin.address, or with the bearer token`;
    return { status: 403, error };
  }
  if (!changesSomething) return undefined;
  if (isCrossSite(headers)) {
    return { status: 403, error: 'a page of another site asks; only this site may change something' };
  }
  if (exposure.isLocal || hasToken) return undefined;
  if (exposure.token !== undefined) {
    return { status: 401, error: 'the bearer token is missing or wrong: Authorization: Bearer TOKEN' };
  }
  const error =
    'this address is reached from other machines: set admin.token (or SLUICE_ADMIN_TOKEN) and send it as bearer token, or let admin.address be a loopback address or a unix socket';
  return { status: 403, error };
}

/** IP addresses cannot be rebound, and a client that sends no Host header is no browser. */
function isKnownHost(header: string | undefined, { host }: AdminExposure): boolean {
  if (header === undefined || header === '') return true;
  const name = hostOf(header);
  return (
    isIP(name) !== 0 ||
    /^(.+\.)?localhost$/.test(name) ||
    name === host?.toLowerCase() ||
    name === thisMachine()
  );
}

/** Without port, brackets and trailing dot. */
function hostOf(header: string): string {
  const [, bracketed, plain = ''] = /^(?:\[([^\]]*)\]|([^:]*))(?::\d*)?$/.exec(header) ?? [];
  return (bracketed ?? plain).toLowerCase().replace(/\.$/, '');
}

function thisMachine(): string {
  return hostname().toLowerCase();
}

function isCrossSite(headers: Headers): boolean {
  const { origin, host, 'sec-fetch-site': site } = headers;
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return true;
  return origin !== undefined && origin !== `http://${host}` && origin !== `https://${host}`;
}

/** Digests are compared, in a time that tells nothing of where they differ. */
function carriesToken(authorization: string | undefined, token: string | undefined): boolean {
  const [, sent] = /^Bearer +(\S+)$/i.exec(authorization ?? '') ?? [];
  if (sent === undefined || token === undefined) return false;
  return timingSafeEqual(digest(sent), digest(token));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
