import type { Stage } from './stage.ts';
import type { Subject } from './subjects.ts';
import type { Figures, Workload } from './workloads/workload.ts';

export type Cell = Figures | { readonly failed: string };

/** Every workload with every subject: one cell for each round. */
export class Rounds {
  readonly subjects: readonly Subject[];
  readonly workloads: readonly Workload[];
  readonly #cells = new Map<string, Cell[]>();

  constructor(subjects: readonly Subject[], workloads: readonly Workload[]) {
    this.subjects = subjects;
    this.workloads = workloads;
  }

  cells(workload: Workload, subject: Subject): readonly Cell[] {
    return this.#cells.get(keyOf(workload, subject)) ?? [];
  }

  /**
   * One round: for each workload all the subjects, one right after the other, so that whatever else goes on meets
   * them alike. Each round another one begins. `onCell` is told after each.
   */
  async run(
    round: number,
    stage: Stage,
    onCell: (workload: Workload, subject: Subject) => void,
  ): Promise<void> {
    const { length } = this.subjects;
    for (const workload of this.workloads) {
      for (let turn = 0; turn < length; turn++) {
        const subject = this.subjects[(turn + round) % length];
        if (subject === undefined) continue;
        onCell(workload, subject);
        const key = keyOf(workload, subject);
        this.#cells.set(key, [...(this.#cells.get(key) ?? []), await measure(workload, subject, stage)]);
      }
    }
  }
}

async function measure(workload: Workload, subject: Subject, stage: Stage): Promise<Cell> {
  try {
    return await subject.use(stage, workload.isFresh ?? false, (target) => workload.measure(target, stage));
  } catch (error) {
    return { failed: error instanceof Error ? error.message : String(error) };
  }
}

function keyOf(workload: Workload, subject: Subject): string {
  return `${workload.name}\n${subject.name}`;
}
