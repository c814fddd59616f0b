import { createSocket, type Socket } from 'node:dgram';
import { EventEmitter, once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { type Answer, type DecodedPacket, decode, encode, type Packet } from 'dns-packet';

/** One query as the server got it. */
export interface SeenQuery {
  readonly id: number;
  readonly name: string;
  readonly type: string;
  readonly edns: boolean;
  readonly over: 'udp' | 'tcp';
  readonly clientPort: number;
}

/** The messages to send back, none for silence. */
type Respond = (query: SeenQuery) => readonly Buffer[];

/** A DNS server that answers what a test wants: what no real server would. */
export class FakeDnsServer {
  readonly seen: SeenQuery[] = [];
  respond: Respond;
  readonly #queries = new EventEmitter();
  readonly #udp: Socket;
  readonly #tcp: Server;

  private constructor(udp: Socket, tcp: Server, respond: Respond) {
    this.#udp = udp;
    this.#tcp = tcp;
    this.respond = respond;
  }

  static async start(respond: Respond, options = { tcp: true }): Promise<FakeDnsServer> {
    const { udp, tcp } = await socketsOfOnePort();
    if (!options.tcp) {
      await new Promise<unknown>((closed) => tcp.close(closed));
    }
    const server = new FakeDnsServer(udp, tcp, respond);
    udp.on('message', (bytes, client) => {
      for (const message of server.#answer(bytes, 'udp', client.port)) {
        udp.send(message, client.port, client.address);
      }
    });
    tcp.on('connection', (socket) => {
      socket.on('error', () => {});
      socket.once('data', (bytes) => {
        for (const message of server.#answer(bytes.subarray(2), 'tcp', socket.remotePort ?? 0)) {
          const framed = Buffer.concat([Buffer.alloc(2), message]);
          framed.writeUInt16BE(message.length);
          // In two parts, as a network may deliver it.
          socket.write(framed.subarray(0, 1));
          setImmediate(() => socket.write(framed.subarray(1)));
        }
      });
    });
    return server;
  }

  get port(): number {
    return this.#udp.address().port;
  }

  /** As `NameResolver` takes it. */
  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  count(name: string, type: string): number {
    return this.seen.filter((query) => query.name === name && query.type === type).length;
  }

  /** Resolves once it has got so many queries, of any kind. */
  async whenSeen(count: number): Promise<void> {
    while (this.seen.length < count) {
      await once(this.#queries, 'query');
    }
  }

  async close(): Promise<void> {
    await new Promise<void>((closed) => this.#udp.close(closed));
    await new Promise<unknown>((closed) => this.#tcp.close(closed));
  }

  #answer(bytes: Buffer, over: SeenQuery['over'], clientPort: number): readonly Buffer[] {
    const packet: DecodedPacket = decode(bytes);
    const { name = '', type = '' } = packet.questions?.[0] ?? {};
    const edns = packet.additionals?.some((record) => record.type === 'OPT') ?? false;
    const query = { id: packet.id ?? 0, name, type, edns, over, clientPort };
    this.seen.push(query);
    this.#queries.emit('query');
    return this.respond(query);
  }
}

/** TCP ports are the scarcer: one that is free there most likely is so for UDP. */
async function socketsOfOnePort(): Promise<{ readonly udp: Socket; readonly tcp: Server }> {
  const tcp = createServer().listen(0, '127.0.0.1');
  await once(tcp, 'listening');
  const bound = tcp.address();
  const udp = createSocket('udp4').bind(
    typeof bound === 'object' && bound !== null ? bound.port : 0,
    '127.0.0.1',
  );
  await once(udp, 'listening');
  return { udp, tcp };
}

/** Bits of a message's flags, as dns-packet takes them. */
export const flag = { authoritative: 0x400, truncated: 0x200, nameError: 3, serverFailure: 2 } as const;

/** A response to `query` with these sections. */
export function response(query: SeenQuery, sections: Packet): Buffer {
  return encode({
    type: 'response',
    id: query.id,
    questions: [
      { name: query.name, type: query.type === 'SRV' ? 'SRV' : query.type === 'AAAA' ? 'AAAA' : 'A' },
    ],
    ...sections,
  });
}

export function address(name: string, data: string, ttl = 60): Answer {
  return { type: data.includes(':') ? 'AAAA' : 'A', name, ttl, data };
}

export function soa(name: string, ttl: number, minimum: number): Answer {
  return { type: 'SOA', name, ttl, data: { mname: 'ns.test', rname: 'admin.test', minimum } };
}

/** Answers from a table of records; NODATA for what else there is at a name, NXDOMAIN for other names. */
export function answerFrom(records: () => readonly Answer[]): (query: SeenQuery) => Buffer[] {
  return (query) => {
    const atName = records().filter((record) => record.name === query.name);
    const answers = atName.filter((record) => record.type === query.type);
    const flags = atName.length === 0 ? flag.nameError : 0;
    const authorities = answers.length === 0 ? [soa('test', 60, 60)] : [];
    return [response(query, { flags, answers, authorities })];
  };
}
