import { connect } from 'node:net';
import type { Probe } from './probe.ts';
import { readSocket } from './probe-socket.ts';
import { socketFailure } from './socket-failure.ts';

/** Passes when the endpoint accepts a connection; sends nothing over it. */
export const probeTcp: Probe = (endpoint, settings, signal) =>
  readSocket(
    connect({ host: endpoint.address, port: endpoint.port }),
    {
      success: 'connect',
      passed: () => ({ kind: 'passed', why: 'accepts connections', shown: undefined }),
      failed: socketFailure,
      missing: () => 'no connection',
    },
    settings.timeoutMs,
    signal,
  );
