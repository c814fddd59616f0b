/** What all the processes of a proxy hold together. */
export interface Held {
  /** Sockets and pipes. */
  readonly descriptors: number;
  readonly pssKib: number;
}

/** What others waited: the 99th percentile, while nothing else went on, and while the fault did. */
export interface Waits {
  readonly p99QuietMs: number;
  /** Absent where the fault is over at once. */
  readonly p99DuringMs?: number;
  /** Of a storm: while as many connections came as the machine could make. */
  readonly flatOut?: { readonly perSecond: number; readonly p99Ms: number };
}

/** What a fault did. */
export interface FaultFigures extends Waits {
  readonly fault: string;
  readonly promise: string;
  readonly plane: string;
  readonly times: number;
  readonly outcomes: Readonly<Record<string, number>>;
  /** Connections of others meanwhile, and how many of them were not served. */
  readonly others: number;
  readonly othersLost: number;
  readonly idle: Held;
  readonly peak: Held;
  readonly after: Held;
}
