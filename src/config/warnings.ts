import type { Finding } from './finding.ts';
import type { Snapshot } from './snapshot.ts';
import { show } from './wording.ts';

/** What works but can hardly be meant. */
export function findWarnings({ listeners, routes, upstreams }: Snapshot): Finding[] {
  if (routes.length === 0) return [{ path: [], message: 'there are no routes: every connection is refused' }];
  const used = new Set(routes.flatMap(({ action }) => (action.kind === 'forward' ? action.upstream : [])));
  const served = new Set(routes.flatMap((route) => route.listeners ?? []));
  const isForAll = routes.some((route) => route.listeners === undefined);
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
