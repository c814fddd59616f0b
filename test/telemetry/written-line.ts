import { AccessLogLines } from '../../src/telemetry/access-log-lines.ts';
import type { ConnectionSummary } from '../../src/telemetry/connection-summary.ts';

const lines = new AccessLogLines();

/** A connection's line in the access log, written where there is no more room than was asked for. */
export function writtenLine(summary: ConnectionSummary, nowMs = 0): string {
  let bytes = Buffer.alloc(0);
  let end = 0;
  lines.write(
    {
      end,
      roomFor(most) {
        bytes = Buffer.alloc(most);
        return bytes;
      },
      add(at) {
        end = at;
      },
    },
    summary,
    nowMs,
  );
  return bytes.toString('utf8', 0, end);
}
