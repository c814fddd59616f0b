import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { DnsClient } from '../../src/upstream/dns/dns-client.ts';
import { address, answerFrom, FakeDnsServer, flag, response, type SeenQuery } from './dns-fake-server.ts';

const open: { close(): unknown }[] = [];

function closedAfterwards<T extends { close(): unknown }>(resource: T): T {
  open.push(resource);
  return resource;
}

async function serverThat(respond: (query: SeenQuery) => Buffer[], options?: { tcp: boolean }) {
  return closedAfterwards(await FakeDnsServer.start(respond, options));
}

function clientOf(servers: readonly { readonly port: number }[], timeoutMs = 2000) {
  const settings = {
    servers: servers.map(({ port }) => ({ host: '127.0.0.1', port })),
    timeoutMs,
    attempts: 2,
  };
  return closedAfterwards(new DnsClient({ servers: () => settings, deadlineMs: 5000, maxConcurrent: 10 }));
}

const good = answerFrom(() => [address('a.test', '192.0.2.1')]);
const silent = () => [];
const failing = (query: SeenQuery) => [response(query, { flags: flag.serverFailure })];
const question = { name: 'a.test', type: 'A' } as const;

describe('a DNS client', () => {
  afterEach(async () => {
    await Promise.all(open.splice(0).map((resource) => resource.close()));
  });

  it('takes no answer with another id or question, and waits on for the right one', async () => {
    const server = await serverThat((query) => [
      response({ ...query, id: query.id ^ 1 }, { answers: [address('a.test', '192.0.2.66')] }),
      response({ ...query, name: 'b.test' }, { answers: [address('b.test', '192.0.2.66')] }),
      ...good(query),
    ]);
    const outcome = await clientOf([server]).ask(question);
    assert.deepEqual(outcome.kind === 'records' && outcome.records, [
      { type: 'A', name: 'a.test', address: '192.0.2.1' },
    ]);
  });

  it('uses another id and another source port for each query', async () => {
    const server = await serverThat(good);
    const client = clientOf([server]);
    await Promise.all(Array.from({ length: 8 }, () => client.ask(question)));
    assert.ok(new Set(server.seen.map((query) => query.id)).size > 1);
    assert.equal(new Set(server.seen.map((query) => query.clientPort)).size, 8);
  });

  it('asks the next server when one fails', async () => {
    const [first, second] = [await serverThat(failing), await serverThat(good)];
    assert.equal((await clientOf([first, second]).ask(question)).kind, 'records');
    assert.equal(first.seen.length, 1);
  });

  it('asks the next server at once when nothing listens at one', async () => {
    const gone = await FakeDnsServer.start(silent, { tcp: false });
    const { port } = gone;
    await gone.close();
    const second = await serverThat(good);
    assert.equal((await clientOf([{ port }, second], 60_000).ask(question)).kind, 'records');
  });

  it('asks the next server when one is silent, and the silent one last from then on', async () => {
    const [first, second] = [await serverThat(silent), await serverThat(good)];
    const client = clientOf([first, second], 50);
    assert.equal((await client.ask(question)).kind, 'records');
    assert.equal((await client.ask(question)).kind, 'records');
    assert.equal(first.seen.length, 1);
    assert.equal(second.seen.length, 2);
  });

  it('tells silence from failure, refusal and absence', async () => {
    const server = await serverThat((query) => {
      switch (query.name) {
        case 'silent.test':
          return [];
        case 'failing.test':
          return failing(query);
        default:
          return good(query);
      }
    });
    const client = clientOf([server], 50);
    const codeOf = async (name: string) => {
      const outcome = await client.ask({ name, type: 'A' });
      return outcome.kind === 'records' ? undefined : outcome.code;
    };
    assert.equal(await codeOf('silent.test'), 'ETIMEOUT');
    assert.equal(await codeOf('failing.test'), 'ESERVFAIL');
    assert.equal(await codeOf('other.test'), 'ENOTFOUND');
    assert.equal(server.count('silent.test', 'A'), 2);
    assert.equal(server.count('failing.test', 'A'), 1);
  });

  it('asks without EDNS a server that does not know it', async () => {
    const server = await serverThat((query) =>
      query.edns ? [response(query, { flags: 1, questions: [] })] : good(query),
    );
    assert.equal((await clientOf([server]).ask(question)).kind, 'records');
  });

  it('asks over TCP for an answer that UDP truncates', async () => {
    const many = Array.from({ length: 300 }, (_, index) => address('a.test', `192.0.2.${index % 256}`));
    const server = await serverThat((query) => [
      query.over === 'udp'
        ? response(query, { flags: flag.truncated })
        : response(query, { answers: many.slice(0, 256) }),
    ]);
    const outcome = await clientOf([server]).ask(question);
    assert.equal(outcome.kind === 'records' && outcome.records.length, 256);
    assert.deepEqual(
      server.seen.map((query) => query.over),
      ['udp', 'tcp'],
    );
  });

  it('fails when the answer is truncated and TCP is closed', async () => {
    const server = await serverThat((query) => [response(query, { flags: flag.truncated })], { tcp: false });
    const outcome = await clientOf([server]).ask(question);
    assert.equal(outcome.kind === 'failed' && outcome.code, 'ECONNREFUSED');
  });

  it('asks for the target of an alias that came alone, for no longer than the alias is valid', async () => {
    const server = await serverThat((query) =>
      query.name === 'a.test'
        ? [response(query, { answers: [{ type: 'CNAME', name: 'a.test', ttl: 9, data: 'b.test' }] })]
        : [response(query, { answers: [address('b.test', '192.0.2.1', 60)] })],
    );
    const outcome = await clientOf([server]).ask(question);
    assert.equal(outcome.kind === 'records' && outcome.ttlSeconds, 9);
  });

  it('gives up on aliases without end', async () => {
    const server = await serverThat((query) => [
      response(query, { answers: [{ type: 'CNAME', name: query.name, ttl: 9, data: `a.${query.name}` }] }),
    ]);
    const outcome = await clientOf([server]).ask(question);
    assert.equal(outcome.kind === 'failed' && outcome.code, 'EBADRESP');
  });

  it('asks nobody for a name that cannot be asked for', async () => {
    const server = await serverThat(good);
    const client = clientOf([server]);
    for (const name of [
      '',
      'a..test',
      `${'a'.repeat(64)}.test`,
      'a b.test',
      'ä.test',
      `a.${'b.'.repeat(140)}c`,
    ]) {
      const outcome = await client.ask({ name, type: 'A' });
      assert.equal(outcome.kind === 'failed' && outcome.code, 'EBADNAME', name);
    }
    assert.equal(server.seen.length, 0);
  });

  it('gives up what is under way when it is closed, and asks nothing any more', async () => {
    const server = await serverThat(silent);
    const client = clientOf([server], 60_000);
    const asked = client.ask(question);
    await server.whenSeen(1);
    client.close();
    const code = (outcome: Awaited<typeof asked>) => outcome.kind === 'failed' && outcome.code;
    assert.equal(code(await asked), 'ECANCELLED');
    assert.equal(code(await client.ask(question)), 'ECANCELLED');
    assert.equal(server.seen.length, 1);
  });
});
