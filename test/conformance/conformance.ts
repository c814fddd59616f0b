import { describe } from 'node:test';
import { descriptorFacts, fewDescriptorFacts } from './descriptor-facts.ts';
import { dialingFacts } from './dialing-facts.ts';
import { failoverFacts } from './failover-facts.ts';
import { flowControlFacts } from './flow-control-facts.ts';
import { forwardingFacts } from './forwarding-facts.ts';
import { halfCloseFacts } from './half-close-facts.ts';
import { lifetimeFacts } from './lifetime-facts.ts';
import { policyFacts } from './policy-facts.ts';
import { prefixFacts } from './prefix-facts.ts';
import { proxyHeaderFacts } from './proxy-header-facts.ts';
import { rejectionFacts } from './rejection-facts.ts';
import { resetFacts } from './reset-facts.ts';
import type { MakePlane } from './rig.ts';
import { sharedLimitFacts } from './shared-limit-facts.ts';
import { timeoutFacts } from './timeout-facts.ts';

/** What every data plane does: written from the interface alone, run against each of them. */
export function defineConformance(name: string, makePlane: MakePlane): void {
  describe(`the ${name} data plane`, () => {
    prefixFacts(makePlane);
    forwardingFacts(makePlane);
    flowControlFacts(makePlane);
    halfCloseFacts(makePlane);
    resetFacts(makePlane);
    dialingFacts(makePlane);
    failoverFacts(makePlane);
    rejectionFacts(makePlane);
    timeoutFacts(makePlane);
    policyFacts(makePlane);
    lifetimeFacts(makePlane);
    sharedLimitFacts(makePlane);
    proxyHeaderFacts(makePlane);
    descriptorFacts(makePlane);
    fewDescriptorFacts(makePlane);
  });
}
