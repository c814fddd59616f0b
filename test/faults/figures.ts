/** What all the processes of a proxy hold together. */
export interface Held {
  /** Sockets and pipes. */
  readonly descriptors: number;
  readonly pssKib: number;
}

/** What a fault did. */
export interface FaultFigures {
  readonly fault: string;
  readonly promise: string;
  readonly plane: string;
  readonly times: number;
  readonly outcomes: Readonly<Record<string, number>>;
  /** Connections of others meanwhile, and how many of them were not served. */
  readonly others: number;
  readonly othersLost: number;
  readonly p99QuietMs: number;
  /** Absent where the fault is over at once. */
  readonly p99DuringMs?: number | undefined;
  readonly idle: Held;
  readonly peak: Held;
  readonly after: Held;
}
