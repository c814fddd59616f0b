import { readFileSync } from 'node:fs';
import { type Outcome, outcomes } from '../src/data-plane/outcome.ts';

/** A line of the access log, as far as its accounts go. */
export interface AccessLine {
  readonly client: string;
  readonly listener: string;
  readonly route: string | null;
  readonly bytesUp: number;
  readonly bytesDown: number;
  readonly durationMs: number;
  readonly outcome: Outcome;
}

const lineKeys =
  'time id listener client serverName alpn tlsVersion ja4 ech route upstream endpoint attempts bytesUp bytesDown helloMs connectMs durationMs outcome';

/** The access log of a proxy, read as it grows. */
export class AccessLogFile {
  readonly #path: string;
  #readBytes = 0;

  constructor(path: string) {
    this.#path = path;
  }

  /** The lines since the last call. Throws where one is not what a line has to be. */
  newLines(): AccessLine[] {
    const log = readFileSync(this.#path);
    const end = log.lastIndexOf('\n') + 1;
    const lines = log.subarray(this.#readBytes, end).toString('utf8').split('\n').slice(0, -1);
    this.#readBytes = end;
    return lines.map(parseLine);
  }
}

function parseLine(text: string): AccessLine {
  const line = JSON.parse(text);
  const keys = Object.keys(line).join(' ');
  if (keys !== lineKeys) throw new Error(`a line of the access log has the keys ${keys}`);
  const isWell =
    new Date(line.time).toISOString() === line.time &&
    /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(line.id) &&
    outcomes.includes(line.outcome) &&
    [line.attempts, line.bytesUp, line.bytesDown, line.durationMs].every((count) => count >= 0);
  if (!isWell) throw new Error(`malformed line in the access log: ${text}`);
  return line;
}
