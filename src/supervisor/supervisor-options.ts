import type { ConfigSource } from './config-source.ts';
import type { Inheritance } from './handover/inheritance.ts';
import type { ReloadObserver } from './reloads.ts';

export interface SupervisorOptions {
  /** Where another configuration comes from, in a proxy that can reload. */
  readonly source?: ConfigSource | undefined;
  /** What this process was given at its start. */
  readonly inheritance?: Inheritance;
  /** Who hears of reloads and of the end. */
  readonly observer?: SupervisorObserver;
}

export interface SupervisorObserver extends ReloadObserver {
  stopping(): void;
}
