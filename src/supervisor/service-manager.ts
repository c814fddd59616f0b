import type { Logger } from 'pino';

import { loadAddon } from '../data-plane/load-plane.ts';

/** What is told in `STATUS=`, for `systemctl status`. */
export type DescribeStatus = () => string;

type Notify = (address: string, message: string) => void;

/** How often it is looked whether there is another. */
const statusPeriodMs = 2_000;

/**
 * Tells systemd what becomes of this process, as sd_notify(3) says: nothing before it serves, and nothing once another
 * one is the main process. Where there is no NOTIFY_SOCKET, nobody is told.
 */
export class ServiceManager {
  readonly #address: string | undefined;
  readonly #watchdogMs: number | undefined;
  readonly #notify: Notify | undefined;
  readonly #log: Logger;
  readonly #describe: DescribeStatus;
  #timers: readonly NodeJS.Timeout[] = [];
  #isMain = false;
  #lastStatus = '';

  constructor(env: NodeJS.ProcessEnv, log: Logger, describe: DescribeStatus) {
    this.#log = log;
    this.#describe = describe;
    this.#address = env['NOTIFY_SOCKET'];
    if (this.#address === undefined) return;
    this.#watchdogMs = watchdogMs(env);
    const addon = loadAddon();
    if (addon.ok) this.#notify = addon.addon.notifySocket;
    else log.warn({ reason: addon.reason }, 'the service manager cannot be told anything without the addon');
  }

  /** Every worker serves, and this is the process to watch. */
  serving(): void {
    if (this.#address === undefined) return;
    this.#isMain = true;
    this.#tell('READY=1');
    this.#every(statusPeriodMs, () => this.#tellStatus());
    if (this.#watchdogMs !== undefined) this.#every(this.#watchdogMs / 2, () => this.#tell('WATCHDOG=1'));
  }

  reloading(): void {
    // CLOCK_MONOTONIC, in microseconds.
    this.#tell(`RELOADING=1\nMONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`);
  }

  reloaded(): void {
    this.#tell('READY=1');
  }

  stopping(): void {
    this.#tell('STOPPING=1');
    this.#tellStatus();
  }

  /** Another process is the main one from here on. */
  handOver(pid: number): void {
    this.#tell(`MAINPID=${pid}`);
    this.close();
  }

  close(): void {
    this.#isMain = false;
    for (const timer of this.#timers) clearInterval(timer);
  }

  /** At once, and then again and again. */
  #every(periodMs: number, step: () => void): void {
    step();
    this.#timers = [...this.#timers, setInterval(step, periodMs).unref()];
  }

  #tellStatus(): void {
    const status = this.#describe();
    if (status === this.#lastStatus) return;
    this.#lastStatus = status;
    this.#tell(`STATUS=${status}`);
  }

  #tell(message: string): void {
    if (!this.#isMain || this.#address === undefined) return;
    try {
      this.#notify?.(this.#address, message);
    } catch (error) {
      this.#log.warn({ error: String(error), message }, 'the service manager was not told');
    }
  }
}

/** Undefined where nobody wants a sign of life of this process. */
function watchdogMs({ WATCHDOG_USEC: usec, WATCHDOG_PID: pid }: NodeJS.ProcessEnv): number | undefined {
  const isMeant = pid === undefined || pid === String(process.pid);
  return isMeant && usec !== undefined && /^[1-9]\d*$/.test(usec) ? Number(usec) / 1000 : undefined;
}
