import type { Logger } from 'pino';

import type { Snapshot } from '../config/snapshot.ts';
import type { ConfigFile } from './config-file.ts';
import { type Reload, refused } from './config-source.ts';
import { planReload } from './plan-reload.ts';
import type { ServingProxy } from './proxy-report.ts';

export interface ReloadObserver {
  reloading(): void;
  reloaded(): void;
}

/** Every worker takes it over, or none does and nothing has changed: one line each why not. */
export type Apply = (snapshot: Snapshot, serving: ServingProxy) => Promise<readonly string[]>;

/** Reads the configuration again, has it applied, and tells how that went. */
export class Reloads {
  readonly counts = { success: 0, failure: 0 };
  readonly #file: ConfigFile | undefined;
  readonly #apply: Apply;
  readonly #observer: ReloadObserver | undefined;
  readonly #log: Logger;

  constructor(file: ConfigFile | undefined, apply: Apply, observer: ReloadObserver | undefined, log: Logger) {
    this.#file = file;
    this.#apply = apply;
    this.#observer = observer;
    this.#log = log;
  }

  /** Of what serves; `why`: who has asked for it, for the log. Never rejects. */
  async reload(serving: ServingProxy | undefined, why: string): Promise<Reload> {
    this.#observer?.reloading();
    const reload = await this.#readAndApply(serving).catch((error: unknown) => refused(String(error)));
    this.#observer?.reloaded();
    this.counts[reload.ok ? 'success' : 'failure'] += 1;
    if (reload.ok) {
      for (const warning of reload.warnings) this.#log.warn(warning);
      this.#log.info({ why, changes: reload.changes }, 'reloaded');
    } else this.#log.error({ why, problems: reload.problems }, 'not reloaded: the configuration stays');
    return reload;
  }

  async #readAndApply(serving: ServingProxy | undefined): Promise<Reload> {
    if (this.#file === undefined) return refused('there is no file to read the configuration from again');
    if (serving === undefined) return refused('the proxy does not serve yet');
    const loaded = await this.#file.load(serving.snapshot.routes);
    if (!loaded.ok) return loaded;
    const { snapshot, changes } = planReload(serving.snapshot, loaded.snapshot, loaded.routeChanges);
    const problems = await this.#apply(snapshot, serving);
    if (problems.length > 0) return { ok: false, problems };
    return { ok: true, changes, warnings: loaded.warnings };
  }
}
