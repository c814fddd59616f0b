import { strict as assert } from 'node:assert';
import { it } from 'node:test';
import { loadAddon } from '../../src/data-plane/load-plane.ts';
import { NativePlane } from '../../src/data-plane/native-plane.ts';
import { defineConformance } from './conformance.ts';

const loaded = loadAddon();
if (loaded.ok) {
  const { addon } = loaded;
  defineConformance('native', (policy) => new NativePlane({ policy, addon }));
} else if (process.platform === 'linux') {
  it('loads the addon', () => assert.fail(`the native data plane cannot be tested: ${loaded.reason}`));
} else {
  it('does not apply here', { skip: `the native data plane is for Linux, this is ${process.platform}` });
}
