import type { LoadResult, LoadRun } from '../load/load-run.ts';
import {
  hasInstructionCounters,
  InstructionCount,
  isNanosecondAnInstruction,
} from '../measure/instructions.ts';
import type { Target } from '../running-proxy.ts';
import type { Figures } from './workload.ts';

const countsInstructions = hasInstructionCounters();

/** Runs the load to its end. `count`: how many units a result is. */
export async function measureLoad(
  run: LoadRun,
  target: Target,
  count: (result: LoadResult) => number = ({ operations }) => operations,
): Promise<Figures> {
  try {
    await run.said('started');
    const counter =
      countsInstructions && target.pids.length > 0 ? new InstructionCount(target.pids) : undefined;
    const result = await run.result();
    const counted = await counter?.stop();
    return figures(result, count(result), counted);
  } finally {
    await run.stop();
  }
}

function figures(result: LoadResult, units: number, counted: number | undefined): Figures {
  const { seconds, p50Us, p99Us, p999Us, errors } = result;
  if (units === 0) throw new Error(`nothing came through, ${errors} errors`);
  const cpuNs = result.cpuNs.reduce((sum, ns) => sum + ns, 0);
  const instructions = isNanosecondAnInstruction && result.cpuNs.length > 0 ? cpuNs : counted;
  return {
    rate: units / seconds,
    ...(result.operations > 0 ? { p50Us, p99Us, p999Us } : {}),
    ...(result.cpuNs.length > 0 ? { cpuUs: cpuNs / 1000 / units, busy: cpuNs / 1e9 / seconds } : {}),
    ...(instructions === undefined ? {} : { instructions: instructions / units }),
    errors,
  };
}
