import type { Connection, Ending, SocketAddress } from '../data-plane/data-plane.ts';
import type { ByteCounts, ConnectionSummary } from '../telemetry/connection-summary.ts';
import type { ClientProfile } from '../tls/client-profile.ts';
import { endpointKey } from '../upstream/endpoint.ts';
import type { ConnectionRecord } from './connection-record.ts';

/** The summary of a connection, made as far as somebody reads it: an id and addresses cost more than all that is counted. */
export class EndedConnection implements ConnectionSummary {
  readonly ending: Ending;
  readonly #connection: Connection;
  readonly #record: ConnectionRecord;

  constructor(connection: Connection, record: ConnectionRecord, ending: Ending) {
    this.#connection = connection;
    this.#record = record;
    this.ending = ending;
  }

  get id(): string {
    return this.#record.id;
  }

  get listener(): string {
    return this.#connection.listener.name;
  }

  get client(): SocketAddress {
    return this.#connection.client;
  }

  get serverName(): string | undefined {
    return this.#record.sentServerName;
  }

  get profile(): ClientProfile | undefined {
    return this.#record.profile;
  }

  get route(): string | undefined {
    return this.#record.route?.name;
  }

  get upstream(): string | undefined {
    return this.#record.upstream?.settings.name;
  }

  get endpoint(): string | undefined {
    const { dialled } = this.#record;
    return dialled && endpointKey(dialled);
  }

  get bytesCounted(): ByteCounts | undefined {
    return this.#record.bytesCounted;
  }
}
