import { type Logger, pino } from 'pino';

import type { LogLevel } from '../config/snapshot.ts';

/**
 * What the proxy says about itself: JSON lines on stderr, where stdout is the access log's; on a terminal, lines for
 * people. Written before the call returns, so that nothing is lost at the end.
 */
export function createProcessLog(level: LogLevel): Logger {
  const destination = process.stderr.isTTY
    ? { write: writeForPeople }
    : pino.destination({ dest: 2, sync: true });
  const formatters = { level: (label: string) => ({ level: label }), bindings: () => ({ pid: process.pid }) };
  return pino({ level, timestamp: pino.stdTimeFunctions.isoTime, formatters }, destination);
}

function writeForPeople(line: string): void {
  const { time, level, msg, pid: _, ...rest }: Record<string, unknown> = JSON.parse(line);
  const clock = String(time).slice(11, 19);
  const facts = Object.entries(rest).map(([name, value]) => ` ${name}=${show(value)}`);
  process.stderr.write(`${clock} ${String(level).padEnd(5)} ${msg}${facts.join('')}\n`);
}

function show(value: unknown): string {
  return typeof value === 'string' && /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
}
