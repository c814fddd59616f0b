import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

import type { Credentials } from '../worker/messages.ts';

export type ResolvedUser =
  | { readonly ok: true; readonly credentials: Credentials | undefined }
  | { readonly ok: false; readonly problem: string };

/**
 * Whom the workers are to become: by name or number. Nobody else where this process, with the user id `current`, is
 * that user already.
 */
export function resolveUser(user: string | undefined, current = process.geteuid?.()): ResolvedUser {
  if (user === undefined) return { ok: true, credentials: undefined };
  if (current === undefined) return refuse(user, 'this platform has no users to change to; leave `user` out');
  const credentials = fromPasswordFile(user) ?? fromNameService(user) ?? fromNumber(user);
  if (credentials === undefined) {
    return refuse(user, 'there is no such user; name one that `getent passwd` shows, or create it');
  }
  if (credentials.uid === current) return { ok: true, credentials: undefined };
  if (current !== 0)
    return refuse(user, 'only root can change to another user; start as root or leave `user` out');
  return { ok: true, credentials };
}

function refuse(user: string, why: string): ResolvedUser {
  return { ok: false, problem: `user: cannot run workers as ${JSON.stringify(user)}: ${why}` };
}

/** Enough in most places, and there where `id` is missing: small containers. */
function fromPasswordFile(user: string): Credentials | undefined {
  for (const line of readPasswordFile().split('\n')) {
    const [name, , uid, gid] = line.split(':');
    if (name === user || uid === user) return checked(uid, gid, name);
  }
  return undefined;
}

function readPasswordFile(): string {
  try {
    return readFileSync('/etc/passwd', 'utf8');
  } catch {
    return '';
  }
}

/** Users that a directory service knows: Node.js cannot look them up itself. */
function fromNameService(user: string): Credentials | undefined {
  try {
    const ask = (flags: string) =>
      execFileSync('id', [flags, '--', user], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      }).trim();
    return checked(ask('-u'), ask('-g'), ask('-un'));
  } catch {
    return undefined;
  }
}

/** A number without an entry: its group has the same number. */
function fromNumber(user: string): Credentials | undefined {
  return checked(user, user, undefined);
}

function checked(uid: string | undefined, gid: string | undefined, name: string | undefined) {
  const isNumber = (text: string | undefined): text is string =>
    text !== undefined && /^\d{1,10}$/.test(text);
  return isNumber(uid) && isNumber(gid) ? { uid: Number(uid), gid: Number(gid), name } : undefined;
}
