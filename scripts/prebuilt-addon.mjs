// Builds the addon for a published package, so that whoever installs it needs no compiler: into prebuilds/ (of FOLDER),
// for this machine, or for the processor PREBUILD_ARCH with the compiler CXX. docs/building.md tells how for each target.
// usage: npm run prebuilt-addon [-- FOLDER]
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import prebuildify from 'prebuildify';

import { headersBesideNode } from './node-headers.mjs';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const nodeGyp = createRequire(import.meta.url).resolve('node-gyp/bin/node-gyp.js');
const headers = headersBesideNode();
if (headers !== undefined) process.env.npm_config_nodedir ??= headers;

// prebuildify takes away what it finds in build/: it works on a copy.
const copy = mkdtempSync(join(tmpdir(), 'sluice-prebuilt-'));
try {
  for (const part of ['native', 'binding.gyp', 'package.json']) {
    cpSync(join(root, part), join(copy, part), { recursive: true });
  }
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  await promisify(prebuildify)({
    cwd: copy,
    napi: true,
    targets: [process.versions.node],
    tagLibc: true,
    strip: true,
    nodeGyp,
    quiet: process.env.CI === 'true',
  });
  cpSync(join(copy, 'prebuilds'), join(process.argv[2] ?? root, 'prebuilds'), { recursive: true });
} finally {
  rmSync(copy, { recursive: true });
}
