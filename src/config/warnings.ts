import { RouteList } from '../routing/route-list.ts';
import type { Finding } from './finding.ts';
import type { RouteAction, Snapshot } from './snapshot.ts';
import { show } from './wording.ts';

/** What works but can hardly be meant. */
export function findWarnings({ listeners, routes: packed, upstreams }: Snapshot): Finding[] {
  const routes = new RouteList<RouteAction>(packed);
  if (routes.length === 0) return [{ path: [], message: 'there are no routes: every connection is refused' }];
  const used = new Set(
    [...routes.actions()].flatMap((action) => (action.kind === 'forward' ? action.upstream : [])),
  );
  const listenerLists = [...routes.listeners()];
  const served = new Set(listenerLists.flatMap((names) => names ?? []));
  const isForAll = listenerLists.includes(undefined);
  return [
    ...listeners.flatMap(({ name }, i): Finding[] =>
      isForAll || served.has(name)
        ? []
        : [{ path: ['listeners', i], message: `no route is for ${show(name)}: its connections are refused` }],
    ),
    ...upstreams.flatMap(({ name, endpoints }): Finding[] => [
      ...(used.has(name) ? [] : [{ path: ['upstreams', name], message: 'no route uses this upstream' }]),
      ...(endpoints.length > 0 && endpoints.every(({ weight }) => weight === 0)
        ? [
            {
              path: ['upstreams', name, 'endpoints'],
              message: 'every endpoint has weight 0: none gets connections',
            },
          ]
        : []),
    ]),
  ];
}
