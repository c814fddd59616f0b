import { strict as assert } from 'node:assert';
import { describe, it } from 'node:test';
import { type Addon, loadAddon } from '../../src/data-plane/load-plane.ts';
import { NativePlane } from '../../src/data-plane/native-plane.ts';
import type { MakePlane } from '../conformance/rig.ts';

/** Tests of the native plane: where it must be there and is not, they fail. */
export function describeNative(name: string, define: (addon: Addon, makePlane: MakePlane) => void): void {
  const loaded = loadAddon();
  if (loaded.ok) {
    const { addon } = loaded;
    describe(name, () => define(addon, (policy) => new NativePlane({ policy, addon })));
  } else if (process.platform === 'linux') {
    it('loads the addon', () => assert.fail(`the native data plane cannot be tested: ${loaded.reason}`));
  } else {
    it('does not apply here', { skip: `the native data plane is for Linux, this is ${process.platform}` });
  }
}
