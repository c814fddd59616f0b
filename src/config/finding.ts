/** Where in a configuration's values something is: keys and indices from the top. */
export type Path = readonly (string | number)[];

/** What is wrong with a value, before it is known where in the text that is. */
export interface Finding {
  readonly path: Path;
  readonly message: string;
  /** Whether it is the key itself that is wrong, not what it stands for. */
  readonly atKey?: boolean;
  /** Of two things that cannot be there together, the one that was there first. */
  readonly other?: Path;
}

/** What is wrong with a text, and where: `at` and `otherAt` are offsets into it. */
export interface Fault {
  readonly at: number;
  /** Empty for what is wrong with no one value. */
  readonly path: Path;
  readonly message: string;
  readonly otherAt?: number;
}

/** `routes[0].serverNames[1]`; a key that is not a plain word is quoted: `upstreams["a.b"]`. */
export function formatPath(path: Path): string {
  return path.map(formatStep).join('');
}

function formatStep(step: string | number, index: number): string {
  if (typeof step === 'number') return `[${step}]`;
  if (!/^[\w-]+$/.test(step)) return `[${JSON.stringify(step)}]`;
  return index === 0 ? step : `.${step}`;
}
