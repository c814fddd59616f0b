import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { nodeOptions, variables } from '../../src/data-plane/process-tuning.ts';

describe('options for the Node.js of a worker', () => {
  test('the native plane needs none', () => {
    assert.deepEqual(nodeOptions('native'), []);
  });

  test('this Node.js knows all of those for the portable plane', () => {
    assert.deepEqual(nodeOptions('portable'), [
      '--no-allocation-site-pretenuring',
      '--initial-old-space-size=64',
    ]);
  });

  test('one that this Node.js does not know, and would not start with, is left out', () => {
    const known = '--max-old-space-size=900';
    assert.deepEqual(nodeOptions('portable', ['--no-such-option', known, '--nor-this=1']), [known]);
  });
});

describe('environment variables of a worker', () => {
  test('the native plane needs none', () => {
    assert.deepEqual(variables('native', {}), {});
  });

  test('the portable plane keeps what it frees, of the memory that every read brings', () => {
    assert.deepEqual(variables('portable', { PATH: '/bin' }), { MALLOC_TRIM_THRESHOLD_: '67108864' });
  });

  test('what the user has set stays', () => {
    assert.deepEqual(variables('portable', { MALLOC_TRIM_THRESHOLD_: '131072' }), {});
  });
});
