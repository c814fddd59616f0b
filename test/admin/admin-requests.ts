import assert from 'node:assert/strict';
import { request } from 'node:http';
import { text } from 'node:stream/consumers';

import type { SluiceProcess } from '../e2e/sluice-process.ts';

export interface HttpAnswer {
  readonly status: number;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly body: string;
}

/** Where its admin server listens: `127.0.0.1:40123`, `unix:/path`. */
export function adminAddress(sluice: SluiceProcess): string {
  const line = sluice.log.find(({ msg }) => msg === 'admin server listens');
  assert.ok(line?.address);
  return line.address;
}

/** Headers are sent as given: `fetch` would not send a Host of another. */
export async function ask(
  address: string,
  path: string,
  { method = 'GET', headers = {} }: { method?: string; headers?: Record<string, string> } = {},
): Promise<HttpAnswer> {
  const [, host = '', port = ''] = /^(.*):(\d+)$/.exec(address) ?? [];
  const socket = address.startsWith('unix:')
    ? { socketPath: address.slice('unix:'.length) }
    : { host: host.replace(/^\[(.*)\]$/, '$1'), port };
  const asked = request({ ...socket, method, path, headers, agent: false });
  const answer = new Promise<HttpAnswer>((resolve, reject) => {
    asked.once('error', reject);
    asked.once('response', (response) => {
      const { statusCode: status = 0, headers: got } = response;
      text(response).then((body) => resolve({ status, headers: got, body }), reject);
    });
  });
  asked.end();
  return answer;
}

/** As far as tests look into it. */
export type Json = { readonly [key: string]: unknown };

export async function askJson(...asked: Parameters<typeof ask>): Promise<{ status: number; json: Json }> {
  const { status, headers, body } = await ask(...asked);
  assert.match(String(headers['content-type']), /^application\/json/);
  return { status, json: JSON.parse(body) };
}

/** Samples by their name and labels, as they are written: `sluice_bytes_total{route="a",direction="up"}`. */
export async function scrape(address: string): Promise<ReadonlyMap<string, number>> {
  const { status, headers, body } = await ask(address, '/metrics');
  assert.equal(status, 200, body);
  assert.equal(headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
  return parseMetrics(body);
}

export function parseMetrics(body: string): ReadonlyMap<string, number> {
  const samples = new Map<string, number>();
  for (const line of body.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const [, series = '', value = ''] = /^(\S.*) (\S+)$/.exec(line) ?? [];
    assert.ok(!samples.has(series), `${series} is there twice`);
    samples.set(series, Number(value));
  }
  return samples;
}

/** The samples of one metric: by their labels alone. */
export function samplesOf(metrics: ReadonlyMap<string, number>, name: string): Record<string, number> {
  const entries = [...metrics].flatMap(([series, value]) => {
    const [, found = '', labels = ''] = /^([^{]+)(?:\{(.*)\})?$/s.exec(series) ?? [];
    return found === name ? [[labels, value] as const] : [];
  });
  return Object.fromEntries(entries);
}
