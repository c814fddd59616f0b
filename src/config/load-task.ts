import { type LoadedConfig, loadConfig } from './load.ts';

/** What runs in a thread of `ConfigLoader`. */
export default function loadTask({ file }: { readonly file: string }): LoadedConfig {
  return loadConfig({ file });
}
