import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Endpoint } from '../../src/upstream/endpoint.ts';
import { sampleSettings } from './samples.ts';

describe('endpoint', () => {
  it('is known by its address and port, IPv6 in brackets', () => {
    assert.equal(new Endpoint(sampleSettings(11)).key, '10.0.0.11:8443');
    assert.equal(new Endpoint(sampleSettings(1, { address: '::1', family: 6 })).key, '[::1]:8443');
  });

  it('is up until the supervisor says something else', () => {
    const endpoint = new Endpoint(sampleSettings(1));
    assert.deepEqual([endpoint.state, endpoint.why], ['up', '']);
    endpoint.tell('down', 'probe: ECONNREFUSED', 0);
    assert.deepEqual([endpoint.state, endpoint.why], ['down', 'probe: ECONNREFUSED']);
  });

  it('starts in the state it was given', () => {
    const endpoint = new Endpoint(sampleSettings(1, { state: 'down', why: 'probe: ETIMEDOUT' }));
    assert.deepEqual([endpoint.state, endpoint.why], ['down', 'probe: ETIMEDOUT']);
    assert.equal(endpoint.returnedAtMs, undefined);
  });

  it('is ejected by this worker only while the supervisor holds it to be up', () => {
    const endpoint = new Endpoint(sampleSettings(1));
    endpoint.eject('3 failures within 10 s');
    assert.deepEqual([endpoint.state, endpoint.why], ['ejected', '3 failures within 10 s']);
    endpoint.tell('down', 'probe', 0);
    assert.deepEqual([endpoint.state, endpoint.why], ['down', 'probe']);
    endpoint.tell('up', '', 0);
    assert.equal(endpoint.state, 'ejected');
    endpoint.endEjection(0);
    assert.equal(endpoint.state, 'up');
  });

  it('returns when it comes up, not when it stays up', () => {
    const endpoint = new Endpoint(sampleSettings(1));
    endpoint.tell('up', '', 1);
    endpoint.endEjection(2);
    assert.equal(endpoint.returnedAtMs, undefined);
    endpoint.tell('down', '', 3);
    assert.equal(endpoint.returnedAtMs, undefined);
    endpoint.eject('');
    endpoint.tell('up', '', 4);
    assert.equal(endpoint.returnedAtMs, undefined, 'still ejected');
    endpoint.endEjection(5);
    assert.equal(endpoint.returnedAtMs, 5);
  });
});
