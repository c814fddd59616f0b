import type { Logger } from 'pino';

import type { ListeningSockets } from '../listening-sockets.ts';
import type { Inheritance } from './inheritance.ts';
import { Successor } from './successor.ts';

/** `successor`: waits to be told that it is alone. Else one line each; all is as it was. */
export type Upgrade =
  | { readonly ok: true; readonly successor: Successor; readonly remaining: ListeningSockets }
  | { readonly ok: false; readonly problems: readonly string[] };

/** The proxy whose place this one takes, and the one that takes its. */
export class Lineage {
  readonly inheritance: Inheritance;
  readonly #log: Logger;
  #successor: Successor | undefined;

  constructor(inheritance: Inheritance, log: Logger) {
    this.inheritance = inheritance;
    this.#log = log;
  }

  /** How often the program has been replaced while it served. */
  get generation(): number {
    return this.inheritance.generation;
  }

  get hasPredecessor(): boolean {
    return this.inheritance.predecessor !== undefined;
  }

  /** Tells the one before that this one serves with these sockets; resolves when it has left. */
  async takeOver(sockets: ListeningSockets): Promise<void> {
    const { predecessor } = this.inheritance;
    await predecessor?.ready(this.inheritance.descriptorsOf(sockets));
    await predecessor?.left;
  }

  /** Tells the one before that this one will not serve. */
  async giveUp(problem: string): Promise<void> {
    await this.inheritance.predecessor?.failed([problem]);
  }

  /**
   * Starts the program anew with these sockets; resolves when it serves. The sockets that it goes on with are closed
   * here then, and the others remain. `objection`, asked at the end: why it is not to be, after all.
   */
  async upgrade(
    sockets: ListeningSockets,
    why: string,
    objection: () => string | undefined,
  ): Promise<Upgrade> {
    this.#log.info({ why }, 'starting the program anew');
    const successor = new Successor(sockets, this.generation + 1);
    this.#successor = successor;
    const start = await successor.settled;
    this.#successor = undefined;
    const objected = objection();
    if (start.ok && objected === undefined) {
      this.#log.info({ successor: successor.pid }, 'handed over to the new process');
      return { ok: true, successor, remaining: sockets.release(start.kept) };
    }
    successor.end();
    const problems = start.ok ? [String(objected)] : start.problems;
    this.#log.error({ why, problems }, 'not upgraded: this process stays');
    return { ok: false, problems };
  }

  /** The one that is starting is not wanted. */
  endSuccessor(): void {
    this.#successor?.end();
  }
}
