import { LimitMemory } from '../../../src/upstream/limits/limit-memory.ts';

/** As of `processes` that share it, all rows in use. */
export function newMemory(processes: number, { columns = 8, sources = 64 } = {}): LimitMemory {
  const layout = { processes, columns, sources };
  const buffer = new SharedArrayBuffer(LimitMemory.sizeOf(layout));
  const memory = LimitMemory.initialize(buffer, layout, [0x5eed, 0xfeed]);
  memory.useRow(processes - 1);
  return memory;
}
