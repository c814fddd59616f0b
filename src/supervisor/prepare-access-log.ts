import { closeSync, fchownSync, fstatSync, openSync } from 'node:fs';

import type { Credentials } from '../worker/messages.ts';

/**
 * Sees that every worker will be able to open the access log: creates the file, and gives it to the user that the
 * workers become, who opens it again when logs are rotated. One line where that is not to be had.
 */
export function prepareAccessLog(access: string, credentials: Credentials | undefined): string | undefined {
  if (access === 'stdout' || access === 'off') return undefined;
  try {
    const file = openSync(access, 'a');
    try {
      if (credentials !== undefined && fstatSync(file).isFile())
        fchownSync(file, credentials.uid, credentials.gid);
    } finally {
      closeSync(file);
    }
    return undefined;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return `log.access: cannot write to ${access}: ${why}; name a file in a folder that is there, stdout or off`;
  }
}
