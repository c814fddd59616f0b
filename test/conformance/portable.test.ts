import { PortablePlane } from '../../src/data-plane/portable-plane.ts';
import { defineConformance } from './conformance.ts';

defineConformance('portable', (policy) => new PortablePlane({ policy, onPolicyError: () => {} }));
