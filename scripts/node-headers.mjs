import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/** Where the headers lie that were installed with this Node.js, so that nothing has to be downloaded; undefined: nowhere. */
export function headersBesideNode() {
  const prefix = resolve(dirname(process.execPath), '..');
  return existsSync(join(prefix, 'include/node/node_api.h')) ? prefix : undefined;
}
