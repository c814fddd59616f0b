import { createRequire } from 'node:module';
import { HelloScanner } from '../../src/tls/hello-scanner.ts';

export type AnyHelloScanner = Pick<HelloScanner, 'scan' | 'reset' | 'facts' | 'message'>;
export type AnyHelloScannerClass = new (maxHelloBytes: number) => AnyHelloScanner;

/** The C++ scanner, undefined where there is no addon. */
export const nativeScanner: AnyHelloScannerClass | undefined = loadNative();

/** Both scanners, or the one there is: what every suite that holds for a scanner runs on. */
export const scanners: readonly (readonly [name: string, AnyHelloScannerClass])[] = nativeScanner
  ? [
      ['TypeScript', HelloScanner],
      ['C++', nativeScanner],
    ]
  : [['TypeScript', HelloScanner]];

/** What a suite that needs both scanners says instead of running; false runs it. */
export const withoutNative = nativeScanner
  ? false
  : 'there is no native addon: the C++ scanner is NOT tested';

function loadNative(): AnyHelloScannerClass | undefined {
  const { SLUICE_REQUIRE_ADDON } = process.env;
  try {
    return createRequire(import.meta.url)('../../build/Release/sluice.node').HelloScanner;
  } catch (error) {
    if (SLUICE_REQUIRE_ADDON) throw error;
    return undefined;
  }
}
