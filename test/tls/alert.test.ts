import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { encodeAlert, isTlsAlertName, tlsAlert, tlsAlertName } from '../../src/tls/alert.ts';

describe('TLS alerts', () => {
  it('are a fatal alert record of seven bytes', () => {
    assert.deepEqual(encodeAlert(tlsAlert.unrecognized_name), Uint8Array.of(0x15, 3, 3, 0, 2, 2, 112));
    assert.deepEqual(encodeAlert(tlsAlert.decode_error), Uint8Array.of(0x15, 3, 3, 0, 2, 2, 50));
  });

  it('have the registered numbers that the proxy sends', () => {
    const { unrecognized_name, decode_error, record_overflow, internal_error } = tlsAlert;
    assert.deepEqual([unrecognized_name, decode_error, record_overflow, internal_error], [112, 50, 22, 80]);
  });

  it('go by name and by number, each once', () => {
    const numbers = Object.values(tlsAlert);
    assert.equal(new Set(numbers).size, numbers.length);
    for (const [name, number] of Object.entries(tlsAlert)) {
      assert.equal(tlsAlertName(number), name);
      assert(isTlsAlertName(name));
      assert(number >= 0 && number <= 255);
    }
    assert.equal(tlsAlertName(255), undefined);
    assert.equal(isTlsAlertName('toString'), false);
    assert.equal(isTlsAlertName('unrecognised_name'), false);
  });
});
