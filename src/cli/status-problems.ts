import type { AdminStatus } from '../admin/admin-app.ts';
import { duration } from './duration.ts';

type Endpoint = AdminStatus['upstreams'][number]['endpoints'][number];

/** The rest is counted. */
const mostShown = 10;
/** A certificate that is not renewed by then will hardly be. */
const expiresSoonSeconds = 14 * 86_400;

/** What somebody who is woken at night has to know first, a line each; empty: nothing is wrong. */
export function statusProblems({ state, workers, upstreams }: AdminStatus, now: Date): string[] {
  const problems = [
    ...(state === 'serving' ? [] : [`the proxy is ${state}`]),
    ...workers
      .filter(({ pid }) => pid === null)
      .map(({ index, restarts }) => `worker ${index} does not run (restarts so far: ${restarts})`),
    ...upstreams.flatMap(({ name, endpoints }) => {
      const isLost = endpoints.length > 0 && endpoints.every((endpoint) => endpoint.state !== 'up');
      return isLost ? [`upstream ${name} has no endpoint that is up`] : [];
    }),
    ...upstreams.flatMap(({ name, endpoints }) =>
      endpoints.flatMap((endpoint) => endpointProblems(`${name} ${endpoint.endpoint}`, endpoint, now)),
    ),
  ];
  const more = problems.length - mostShown;
  return more > 0 ? [...problems.slice(0, mostShown), `and ${more} more`] : problems;
}

function endpointProblems(what: string, { state, why, certificateExpiresAt }: Endpoint, now: Date): string[] {
  const problems: string[] = [];
  if (state !== 'up' && state !== 'draining') problems.push(`${what} is ${state}: ${why}`);
  const seconds =
    certificateExpiresAt === null ? Number.POSITIVE_INFINITY : secondsTo(certificateExpiresAt, now);
  if (seconds < 0) problems.push(`${what} has a certificate that expired ${duration(-seconds)} ago`);
  else if (seconds < expiresSoonSeconds) {
    problems.push(`${what} has a certificate that expires in ${duration(seconds)}`);
  }
  return problems;
}

function secondsTo(at: string, now: Date): number {
  return (Date.parse(at) - now.getTime()) / 1000;
}
