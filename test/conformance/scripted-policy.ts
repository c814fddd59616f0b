import type {
  Connection,
  Decision,
  Dial,
  DialAddress,
  DialFailure,
  Ending,
  Policy,
  Reject,
} from '../../src/data-plane/data-plane.ts';
import type { ClientHello } from '../../src/tls/client-hello.ts';
import { EventQueue } from './event-queue.ts';

/** What the policy was told of a hello, copied: the hello itself is valid during the call only. */
export interface SeenHello {
  readonly connection: Connection;
  /** False where the connection is not TLS. */
  readonly isTls: boolean;
  readonly serverName: string | undefined;
  readonly recordsInMany: boolean;
}

export interface SeenFailure {
  readonly connection: Connection;
  readonly failure: DialFailure;
}

export interface SeenEnding extends Ending {
  readonly connection: Connection;
}

/** A policy that a test writes line by line, and that keeps what it was told. By default everything goes to `endpoint`. */
export class ScriptedPolicy implements Policy {
  readonly hellos = new EventQueue<SeenHello>('policy.hello');
  readonly failures = new EventQueue<SeenFailure>('policy.dialFailed');
  readonly endings = new EventQueue<SeenEnding>('policy.ended');
  readonly accepts = new EventQueue<Connection>('policy.accepted');
  /** How often `ended` was told, by connection. */
  readonly endingCounts = new Map<Connection, number>();

  onAccepted: (connection: Connection) => 'hello' | 'proxy-header' | Reject = () => 'hello';
  onHello: (connection: Connection, hello: ClientHello | undefined) => Decision;
  onDialFailed: (connection: Connection, failure: DialFailure) => Decision = (_connection, { code }) =>
    code === 'ECONNRESET' ? upstreamReset : unreachable;
  onEnded: (connection: Connection, ending: Ending) => void = () => {};

  constructor(endpoint: DialAddress) {
    this.onHello = () => dialTo(endpoint);
  }

  accepted(connection: Connection): 'hello' | 'proxy-header' | Reject {
    this.accepts.push(connection);
    return this.onAccepted(connection);
  }

  hello(connection: Connection, hello: ClientHello | undefined): Decision {
    const serverName = hello?.serverName;
    const recordsInMany = hello?.features.multiRecord ?? false;
    this.hellos.push({ connection, isTls: hello !== undefined, serverName, recordsInMany });
    return this.onHello(connection, hello);
  }

  dialFailed(connection: Connection, failure: DialFailure): Decision {
    this.failures.push({ connection, failure });
    return this.onDialFailed(connection, failure);
  }

  ended(connection: Connection, ending: Ending): void {
    this.endingCounts.set(connection, (this.endingCounts.get(connection) ?? 0) + 1);
    this.endings.push({ connection, ...ending });
    this.onEnded(connection, ending);
  }
}

const upstreamReset: Reject = { kind: 'reject', how: 'reset', outcome: 'upstream_reset' };
const unreachable: Reject = { kind: 'reject', how: { alert: 80 }, outcome: 'upstream_unreachable' };

export function dialTo(endpoint: DialAddress, options: Partial<Dial> = {}): Dial {
  return {
    kind: 'dial',
    endpoint,
    connectTimeoutMs: 5000,
    timeouts: { idleMs: 15_000, halfClosedMs: 15_000 },
    ...options,
  };
}
