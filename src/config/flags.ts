import { parseServerNamePattern } from '../routing/server-name.ts';
import { parseDialAddress, parseListenAddress } from './address.ts';
import type { Path } from './finding.ts';
import { checkConfig, type LoadedConfig } from './load.ts';
import type { Problem } from './problem.ts';

export interface ConfigFlags {
  /** Each an address, as a listener has it. */
  readonly listen: readonly string[];
  /** Each `NAME=HOST:PORT`. NAME is a server name pattern; `*` stands for every connection, one without a name included. */
  readonly route: readonly string[];
  /** As `admin.address` has it; absent: its default. */
  readonly admin?: string | false | undefined;
}

/**
 * The configuration that flags stand for, all else at its defaults. A listener is named as its address is written.
 * Routes of the same name are one route, their addresses the endpoints of one upstream, which has that name, too.
 */
export function snapshotFromFlags({ listen, route, admin }: ConfigFlags): LoadedConfig {
  const problems: Problem[] = [];
  if (listen.length === 0)
    problems.push(flagProblem('--listen', 'is missing; allowed are addresses such as ":8443"'));
  if (route.length === 0) problems.push(flagProblem('--route', `is missing; ${allowedRoutes}`));
  for (const address of listen) {
    const result = parseListenAddress(address);
    if (!result.ok) problems.push(flagProblem(`--listen ${address}`, result.problem));
  }
  const endpoints = new Map<string, Set<string>>();
  for (const flag of route) {
    const result = parseRoute(flag);
    if (!result.ok) problems.push(flagProblem(`--route ${flag}`, result.problem));
    else endpoints.set(result.name, (endpoints.get(result.name) ?? new Set()).add(result.address));
  }
  return problems.length > 0 ? { ok: false, problems } : check(listen, endpoints, admin);
}

function check(
  listen: readonly string[],
  endpoints: ReadonlyMap<string, ReadonlySet<string>>,
  admin: ConfigFlags['admin'],
): LoadedConfig {
  const checked = checkConfig({
    listeners: listen.map((address) => ({ name: address, address })),
    ...(admin !== undefined && { admin: { address: admin } }),
    routes: [...endpoints.keys()].map((name) => ({
      name,
      ...(name !== '*' && { serverNames: [name] }),
      upstream: name,
    })),
    upstreams: Object.fromEntries(
      [...endpoints].map(([name, addresses]) => [name, { endpoints: [...addresses] }]),
    ),
  });
  if (checked.ok) return { ok: true, snapshot: checked.snapshot, warnings: [] };
  // Routes and upstreams are right by now; listeners may still be in each other's way, or in the admin server's.
  const flagOf = (path: Path) => {
    if (path[0] === 'listeners') return `--listen ${listen[Number(path[1])]}`;
    return path[0] === 'admin' && admin !== undefined ? `--admin ${admin}` : '--listen';
  };
  const problems = checked.findings.map(({ path, message }) => flagProblem(flagOf(path), message));
  return { ok: false, problems };
}

const allowedRoutes = 'allowed are routes such as "shop.example.com=192.0.2.1:8443" and "*=192.0.2.2:8443"';

type RouteFlag =
  | { readonly ok: true; readonly name: string; readonly address: string }
  | { readonly ok: false; readonly problem: string };

function parseRoute(flag: string): RouteFlag {
  const [, name, address] = /^([^=]*)=(.*)$/s.exec(flag) ?? [];
  if (name === undefined || address === undefined)
    return { ok: false, problem: `has no "="; ${allowedRoutes}` };
  const pattern = parseServerNamePattern(name);
  if (!pattern.ok) return pattern;
  const endpoint = parseDialAddress(address);
  return endpoint.ok ? { ok: true, name: pattern.pattern, address: address.toLowerCase() } : endpoint;
}

function flagProblem(flag: string, message: string): Problem {
  return { file: flag, position: undefined, path: '', message };
}
