import { request } from 'node:http';
import { text } from 'node:stream/consumers';

import { type Command, InvalidArgumentError, Option } from 'commander';

import { CommandFailure } from './command-failure.ts';

/** The admin address of a running proxy. */
export interface AdminTarget {
  /** As it was written. */
  readonly shown: string;
  readonly socket: { readonly socketPath: string } | { readonly host: string; readonly port: number };
}

interface AdminText {
  /** 200 to 299. */
  readonly ok: boolean;
  readonly text: string;
}

export interface AdminAnswer extends Pick<AdminText, 'ok'> {
  /** What JSON it was. */
  readonly body: unknown;
}

const defaultAdmin = 'http://127.0.0.1:9901';
const defaultPort = 80;

/** `--admin`, for the commands that talk to a running proxy. */
function adminOption(): Option {
  return new Option('--admin <url>', 'its admin address: http://HOST:PORT or unix:/PATH')
    .argParser(parseAdminUrl)
    .default(parseAdminUrl(defaultAdmin), defaultAdmin);
}

/** Fails in one line where nobody answers. */
export async function askAdmin(
  target: AdminTarget,
  method: 'GET' | 'POST',
  path: string,
  patienceMs?: number,
): Promise<AdminAnswer> {
  const { ok, text: written } = await askAdminText(target, method, path, patienceMs);
  return { ok, body: parseJson(written) };
}

/** The same, for what is no JSON. The token is taken from the environment, so that no process list shows it. */
export async function askAdminText(
  { shown, socket }: AdminTarget,
  method: 'GET' | 'POST',
  path: string,
  patienceMs = 10_000,
): Promise<AdminText> {
  const token = process.env['SLUICE_ADMIN_TOKEN'];
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const signal = AbortSignal.timeout(patienceMs);
  const asked = request({ ...socket, method, path, headers, agent: false, signal });
  try {
    const [status, written] = await new Promise<[number, string]>((resolve, reject) => {
      asked.once('error', reject);
      asked.once('response', (response) => {
        text(response).then((all) => resolve([response.statusCode ?? 0, all]), reject);
      });
      asked.end();
    });
    return { ok: status >= 200 && status < 300, text: written };
  } catch (error) {
    const why = signal.aborted ? `no answer within ${patienceMs / 1000} s` : whyOf(error);
    throw new CommandFailure(
      `sluice: nobody answers at ${shown}: ${why}; is the proxy running, and is this its admin.address?`,
    );
  }
}

/** The JSON object that came where all went well; fails with the server's own words otherwise. */
export function expectObject({ ok, body }: AdminAnswer, { shown }: AdminTarget): object {
  if (typeof body !== 'object' || body === null)
    throw new CommandFailure(`sluice: what answers at ${shown} is not Sluice's admin server`);
  if (ok) return body;
  const problems: unknown = Reflect.get(body, 'problems') ?? [Reflect.get(body, 'error')];
  const lines = Array.isArray(problems) ? problems.map(String) : [String(problems)];
  throw new CommandFailure(...lines.map((line) => `sluice: ${line}`));
}

/** A command that talks to a running proxy. */
export function registerAdminCommand(program: Command, name: string, summary: string): Command {
  return program.command(name).summary(summary).addOption(adminOption()).addHelpText('after', help(name));
}

function help(command: string): string {
  return `
Examples:
  sluice ${command} --admin http://10.0.0.5:9901
  sluice ${command} --admin unix:/run/sluice.sock
  sluice ${command}

SLUICE_ADMIN_TOKEN is sent as bearer token where it is set.`;
}

function parseAdminUrl(written: string): AdminTarget {
  if (written.startsWith('unix:')) {
    const socketPath = written.slice('unix:'.length).replace(/^\/\/(?=\/)/, '');
    if (socketPath !== '') return { shown: written, socket: { socketPath } };
  }
  const url = parseUrl(written.includes('://') ? written : `http://${written}`);
  if (url?.protocol !== 'http:')
    throw new InvalidArgumentError('Allowed are http://HOST:PORT and unix:/PATH.');
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  return { shown: written, socket: { host, port: Number(url.port || defaultPort) } };
}

function parseUrl(written: string): URL | undefined {
  return URL.canParse(written) ? new URL(written) : undefined;
}

function parseJson(written: string): unknown {
  try {
    return JSON.parse(written);
  } catch {
    return undefined;
  }
}

function whyOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // Several addresses of one name were tried in vain: Node says so without a message.
  return error.message || ('code' in error ? String(error.code) : error.name);
}
