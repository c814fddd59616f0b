import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { afterEach, describe, it } from 'node:test';
import { countResult, unproven } from '../../src/upstream/health/health-count.ts';
import { type HealthChange, HealthProber } from '../../src/upstream/health/health-prober.ts';
import { settings, TcpPeer } from './health-peers.ts';

const open: { close(): unknown }[] = [];
const limits = { timeout: 20_000 };

function closedAfterwards<T extends { close(): unknown }>(resource: T): T {
  open.push(resource);
  return resource;
}

async function peerThat(...start: Parameters<typeof TcpPeer.start>): Promise<TcpPeer> {
  return closedAfterwards(await TcpPeer.start(...start));
}

function newProber(maxConcurrent?: number) {
  const changes: HealthChange[] = [];
  const emitter = new EventEmitter();
  const prober = closedAfterwards(
    new HealthProber((change) => {
      changes.push(change);
      emitter.emit('change', change);
    }, maxConcurrent),
  );
  const nextChange = async (): Promise<HealthChange> => {
    const [change] = await once(emitter, 'change');
    return change;
  };
  return { prober, changes, nextChange };
}

describe('a health prober', () => {
  afterEach(async () => {
    await Promise.all(open.splice(0).map((resource) => resource.close()));
  });

  it('holds an endpoint to be up until the first probe, and down when that fails', limits, async () => {
    const peer = await TcpPeer.start();
    await peer.close();
    const { prober, changes, nextChange } = newProber();
    const target = { endpoint: peer.endpoint, settings: settings({ unhealthyAfter: 3 }) };
    prober.setTargets([target]);
    assert.equal(prober.report(target)?.state, 'up');
    const { report } = await nextChange();
    assert.deepEqual([report.state, report.why], ['down', 'connection refused']);
    assert.equal(report.lastProbe?.result, 'failed');
    assert.equal(prober.report(target), report);
    assert.equal(changes.length, 1);
  });

  it('tells once when the endpoint goes down and once when it is back, after as many probes as set', {
    ...limits,
  }, async () => {
    const first = await peerThat();
    const { endpoint } = first;
    const { prober, changes, nextChange } = newProber();
    const target = { endpoint, settings: settings({ healthyAfter: 3, unhealthyAfter: 2 }) };
    prober.setTargets([target]);
    await first.whenAccepted(4);
    assert.equal(changes.length, 0);
    const goingDown = nextChange();
    await first.close();
    assert.deepEqual([(await goingDown).report.why, changes.length], ['connection refused', 1]);
    const goingUp = nextChange();
    const second = await peerThat(undefined, endpoint.port);
    const back = await goingUp;
    assert.deepEqual([back.report.state, back.report.why], ['up', 'accepts connections']);
    await second.whenAccepted(3);
    assert.deepEqual([second.accepted, changes.length], [3, 2]);
  });

  it('probes an endpoint once for all who want the same', limits, async () => {
    const peer = await peerThat();
    const { prober } = newProber();
    const target = () => ({ endpoint: peer.endpoint, settings: settings({ intervalMs: 600_000 }) });
    prober.setTargets([target(), target()]);
    prober.setTargets([target(), target(), target()]);
    await peer.whenAccepted(1);
    prober.setTargets([{ ...target(), settings: settings({ intervalMs: 600_001 }) }, target()]);
    await peer.whenAccepted(2);
    const marker = await TcpPeer.start();
    prober.setTargets([target(), { endpoint: marker.endpoint, settings: settings() }]);
    await marker.whenAccepted(2);
    await marker.close();
    assert.equal(peer.accepted, 2);
  });

  it('goes on from what it had found and counted when only the settings change', limits, async () => {
    const peer = await TcpPeer.start();
    await peer.close();
    const { prober, changes, nextChange } = newProber();
    prober.setTargets([{ endpoint: peer.endpoint, settings: settings({ intervalMs: 600_000 }) }]);
    await nextChange();
    const changed = { endpoint: peer.endpoint, settings: settings({ healthyAfter: 3 }) };
    const back = await peerThat(undefined, peer.endpoint.port);
    prober.setTargets([changed]);
    const report = prober.report(changed);
    assert.deepEqual([report?.state, report?.why], ['down', 'connection refused']);
    assert.equal(prober.report({ endpoint: peer.endpoint, settings: settings() }), undefined);
    assert.equal((await nextChange()).report.state, 'up');
    // The third is accepted by now, or is about to be.
    assert.ok(back.accepted >= 2, `${back.accepted} probes`);
    assert.equal(changes.length, 2);
  });

  it('never probes an endpoint again before the last probe has ended', limits, async () => {
    const silent = await peerThat();
    const { prober } = newProber();
    const timing = { probe: 'tls', intervalMs: 1, timeoutMs: 60 } as const;
    prober.setTargets([{ endpoint: silent.endpoint, settings: settings(timing) }]);
    await silent.whenAccepted(4);
    // The last one's end and the next one's start may be seen together.
    assert.ok(silent.mostOpen <= 2, `${silent.mostOpen} at once`);
  });

  it('has no more probes under way than it may, and comes round to all', limits, async () => {
    const peers = await Promise.all([1, 2, 3, 4].map(() => peerThat()));
    const { prober, changes } = newProber(1);
    const timing = { probe: 'tls', intervalMs: 600_000, timeoutMs: 100 } as const;
    const startedAtMs = performance.now();
    prober.setTargets(peers.map(({ endpoint }) => ({ endpoint, settings: settings(timing) })));
    await Promise.all(peers.map((peer) => peer.whenAccepted(1)));
    assert.ok(performance.now() - startedAtMs >= 290);
    assert.equal(changes.length, 3);
  });

  it('leaves no socket, no timer and no word when it is closed', limits, async () => {
    const silent = await peerThat();
    const answering = await peerThat();
    const { prober, changes } = newProber(1);
    prober.setTargets([
      { endpoint: silent.endpoint, settings: settings({ probe: 'tls' }) },
      { endpoint: answering.endpoint, settings: settings() },
    ]);
    const socket = await silent.nextConnection();
    prober.close();
    await once(socket, 'close');
    const fresh = newProber();
    const marker = await peerThat();
    fresh.prober.setTargets([{ endpoint: marker.endpoint, settings: settings() }]);
    await marker.whenAccepted(3);
    assert.deepEqual([changes.length, silent.accepted, answering.accepted], [0, 1, 0]);
  });
});

describe('the count of probe results', () => {
  const after = (results: string) =>
    [...results].reduce(
      (count, result) => countResult(count, result === '+', { healthyAfter: 2, unhealthyAfter: 3 }),
      unproven,
    ).state;

  it('lets the first result decide alone', () => {
    assert.equal(unproven.state, 'up');
    assert.equal(after('+'), 'up');
    assert.equal(after('-'), 'down');
  });

  it('takes as many in a row as set, without one of the other kind between', () => {
    assert.equal(after('+--'), 'up');
    assert.equal(after('+---'), 'down');
    assert.equal(after('+--+--'), 'up');
    assert.equal(after('-+'), 'down');
    assert.equal(after('-++'), 'up');
    assert.equal(after('-+-+'), 'down');
  });
});
