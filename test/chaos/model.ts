import type { Outcome } from '../../src/data-plane/outcome.ts';
import type { AccessLine } from '../access-log-file.ts';
import type { Behaviour } from './behaviours.ts';
import type { Plan } from './plan.ts';
import type { Timeouts } from './proxy.ts';
import type { Trial } from './trial.ts';

/** How a connection that nobody cuts ends, by what its upstream does. */
const usual: Record<Behaviour, readonly Outcome[]> = {
  echo: ['ok'],
  'speak-first': ['ok'],
  bulk: ['ok'],
  trickle: ['ok'],
  'half-close': ['ok'],
  mute: ['ok'],
  'never-read': ['upstream_reset', 'upstream_unreachable'],
  'reset-mid-stream': ['upstream_reset'],
  // Nothing but the hello was lost: it is tried again, until the attempts are used up.
  'accept-reset': ['upstream_unreachable', 'upstream_reset'],
  refuse: ['upstream_unreachable'],
  hang: ['upstream_unreachable'],
};

export interface Circumstances {
  readonly plane: 'native' | 'portable';
  readonly timeouts: Timeouts;
  /** A worker was told to drain meanwhile, and its time was up. */
  readonly wasDrained: boolean;
  /** So long the machine stood still meanwhile: a timer may have run out before what had come was read. */
  readonly stalledMs: number;
}

/** How the connection may have ended. Timeouts count only where it lasted long enough for them. */
export function possibleOutcomes(trial: Trial, line: AccessLine, circumstances: Circumstances): Set<Outcome> {
  const { plane, timeouts, wasDrained, stalledMs } = circumstances;
  const { plan } = trial;
  const outcomes = new Set<Outcome>(withoutCut(plan));
  if (trial.isCut && plan.cut?.how === 'reset') {
    outcomes.add('client_reset').add('client_closed_early');
    if (plan.fate.kind === 'incomplete') outcomes.delete('hello_timeout');
    if (trial.hasEndedFirst) outcomes.add('ok');
  }
  // INTERFACE section 10: there Node reports a reset behind unread data as a plain end.
  if (plane === 'portable' && outcomes.has('upstream_reset')) outcomes.add('ok');
  if (wasDrained) outcomes.add('drained');
  const lastedMs = (trial.endedAt ?? performance.now()) - trial.startedAt;
  const helloMs = timeouts.helloMs[plan.listener];
  // Node's timers count in whole milliseconds.
  const hasTimedOut = Math.ceil(line.durationMs) >= helloMs;
  if (hasTimedOut && lastedMs + stalledMs >= helloMs) outcomes.add('hello_timeout');
  if (lastedMs >= timeouts.idleMs) outcomes.add('idle_timeout');
  if (lastedMs >= timeouts.halfClosedMs) outcomes.add('half_closed_timeout');
  if (lastedMs >= timeouts.connectMs) outcomes.add('upstream_unreachable');
  return outcomes;
}

function withoutCut({ fate, cut, endsFirst }: Plan): readonly Outcome[] {
  if (fate.kind === 'refused') return [fate.outcome];
  if (fate.kind === 'incomplete') return cut === undefined ? ['hello_timeout'] : ['client_closed_early'];
  // Nobody says anything, and nobody ends.
  if (fate.behaviour === 'mute' && !endsFirst && cut?.how !== 'fin') return ['idle_timeout'];
  return usual[fate.behaviour];
}

/** What one connection's account and what its ends saw of it do not agree on. */
export function differences(trial: Trial, line: AccessLine, circumstances: Circumstances): string[] {
  const possible = possibleOutcomes(trial, line, circumstances);
  if (!possible.has(line.outcome)) return [`outcome ${line.outcome}, not ${[...possible].join(' or ')}`];
  const wrong: string[] = [];
  const { receivedBytes, sentBytes, upstreamReceivedBytes: upReceived, plan } = trial;
  if (trial.receivedWrong) wrong.push('the client got what was not sent to it');
  if (trial.upstreamReceivedWrong) wrong.push('the upstream got what was not sent to it');
  if (line.bytesUp > sentBytes) wrong.push(`bytesUp ${line.bytesUp}, but ${sentBytes} were sent`);
  if (upReceived > line.bytesUp) wrong.push(`bytesUp ${line.bytesUp}, but ${upReceived} arrived`);
  if (line.outcome === 'ok') wrong.push(...differencesOfComplete(trial, line));
  if (plan.fate.kind === 'refused' && !trial.isCut && Number.isFinite(trial.down.length)) {
    wrong.push(...differencesOfRefused(trial, line, circumstances));
  }
  if (circumstances.plane === 'native' && line.outcome !== 'ok' && plan.fate.kind === 'forwarded') {
    const passedOn = line.outcome === 'upstream_unreachable' ? 0 : receivedBytes;
    if (line.bytesDown < passedOn) wrong.push(`bytesDown ${line.bytesDown}, but ${passedOn} arrived`);
  }
  return wrong;
}

function differencesOfComplete(trial: Trial, line: AccessLine): string[] {
  const { sentBytes, receivedBytes, upstreamReceivedBytes, plan } = trial;
  const isReset = plan.fate.kind === 'forwarded' && plan.fate.behaviour === 'reset-mid-stream';
  if (trial.isCut || isReset || plan.fate.kind !== 'forwarded' || plan.fate.behaviour === 'never-read')
    return [];
  const counts = { sentBytes, upstreamReceivedBytes, bytesUp: line.bytesUp, expected: trial.up.length };
  const downCounts = { receivedBytes, bytesDown: line.bytesDown, expected: trial.down.length };
  const wrong = [counts, downCounts].filter((each) => new Set(Object.values(each)).size > 1);
  const told = wrong.map((each) => `ended well with ${JSON.stringify(each)}`);
  return trial.end === 'end' ? told : [...told, `ended well, but the client saw ${trial.end}`];
}

/** An alert comes whole, and then the end; a client that still sends after a second may be reset instead. */
function differencesOfRefused(trial: Trial, line: AccessLine, { timeouts }: Circumstances): string[] {
  const { plan, receivedBytes, down, end } = trial;
  if (plan.fate.kind !== 'refused' || line.outcome !== plan.fate.outcome) return [];
  if ((trial.endedAt ?? 0) - trial.startedAt >= timeouts.lingerMs) return [];
  const expectedEnd = plan.fate.answer === 'reset' ? 'ECONNRESET' : 'end';
  const wrong =
    receivedBytes === down.length ? [] : [`refused with ${receivedBytes} bytes, not ${down.length}`];
  return end === expectedEnd ? wrong : [...wrong, `refused, and the client saw ${end}, not ${expectedEnd}`];
}
