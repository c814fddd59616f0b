// Builds the native addon where that is possible and says in one line when it is not: `npm ci` never fails for want of
// a compiler, because the portable data plane needs none.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

import { headersBesideNode } from './node-headers.mjs';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');

/** The node-gyp to run: the project's own, or the one npm puts on the PATH for install scripts. */
function nodeGyp() {
  try {
    return [process.execPath, createRequire(import.meta.url).resolve('node-gyp/bin/node-gyp.js')];
  } catch {
    return ['node-gyp'];
  }
}

/** Whether this is a published package that carries an addon for this machine; where the sources are, they are built. */
function hasPrebuilt() {
  if (existsSync(join(root, 'src'))) return false;
  try {
    createRequire(import.meta.url)('node-gyp-build')(root);
    return true;
  } catch {
    return false;
  }
}

function portable(reason) {
  console.error(`sluice: no native addon (${reason}); the portable data plane will be used`);
}

if (process.platform !== 'linux') {
  portable(`it is for Linux, this is ${process.platform}`);
} else if (!hasPrebuilt()) {
  const [command, ...prefix] = nodeGyp();
  const headers = headersBesideNode();
  const nodedir = headers === undefined ? [] : [`--nodedir=${headers}`];
  const built = spawnSync(command, [...prefix, 'rebuild', '--jobs=max', ...nodedir], {
    cwd: root,
    encoding: 'utf8',
  });
  if (built.status !== 0) {
    const output = `${built.stdout ?? ''}\n${built.stderr ?? ''}`.split('\n');
    const why = output.find((line) => /error:|not found|ERR! stack Error/.test(line)) ?? built.error?.message;
    portable(
      `node-gyp rebuild failed: ${(why ?? `exit ${built.status}`).replace(/^gyp ERR! stack Error: /, '').trim()}`,
    );
    if (process.env.SLUICE_REQUIRE_ADDON) {
      console.error(output.join('\n'));
      process.exit(1);
    }
  }
}
