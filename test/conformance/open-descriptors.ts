import { readdirSync } from 'node:fs';

/** Of this process, the test's own included. Known on Linux; elsewhere nothing is compared. */
export function openDescriptors(): number {
  return process.platform === 'linux' ? readdirSync('/proc/self/fd').length : 0;
}
