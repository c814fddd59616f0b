import type { Endpoint } from '../endpoint.ts';
import { hashText, mix } from './text-hash.ts';

/** Any two numbers do; changing them moves every client to another endpoint. */
const seedLow = 0x9e3779b9;
const seedHigh = 0x7f4a7c15;

/**
 * Weighted rendezvous hashing: for each text every endpoint draws a number from a hash of both, exponentially
 * distributed with its weight as the rate, and the smallest wins. So an endpoint's share is its weight's; when one
 * comes or goes, exactly the texts that it wins move, and each has an order of its own in which the others follow.
 *
 * A pick looks at every endpoint, at about 4 ns each. A Maglev table would answer in one look, but moves
 * more than it must, and would have to be built anew, in time proportional to its size, at every change of state.
 */
export class Rendezvous {
  #endpoints: readonly Endpoint[] = [];
  /** 64 bits of hash for each endpoint's key: with 32, two among ten thousand would often draw alike. */
  #low = new Int32Array(0);
  #high = new Int32Array(0);
  #inverseWeights = new Float64Array(0);

  /** Configured weights count, without slow start: a share that grows by steps would move texts twice. */
  reset(endpoints: readonly Endpoint[]): void {
    this.#endpoints = endpoints;
    this.#low = Int32Array.from(endpoints, ({ key }) => hashText(key, seedLow));
    this.#high = Int32Array.from(endpoints, ({ key }) => hashText(key, seedHigh));
    this.#inverseWeights = Float64Array.from(endpoints, ({ weight }) => 1 / weight);
  }

  pick(text: string, tried: readonly Endpoint[]): Endpoint | undefined {
    const endpoints = this.#endpoints;
    const low = this.#low;
    const high = this.#high;
    const inverseWeights = this.#inverseWeights;
    const textLow = hashText(text, seedLow);
    const textHigh = hashText(text, seedHigh);
    let winner: Endpoint | undefined;
    let least = Number.POSITIVE_INFINITY;
    for (let index = 0; index < endpoints.length; index += 1) {
      const inverseWeight = inverseWeights[index] ?? 0;
      const uniform = draw(textLow ^ (low[index] ?? 0), textHigh ^ (high[index] ?? 0));
      // u is below -ln(1 - u): only what may win costs a logarithm.
      if (uniform * inverseWeight > least) continue;
      const drawn = -Math.log1p(-uniform) * inverseWeight;
      const endpoint = endpoints[index];
      if (endpoint === undefined || drawn > least || tried.includes(endpoint)) continue;
      // Equal draws must not depend on the order in which the endpoints are listed.
      if (drawn === least && winner !== undefined && winner.key < endpoint.key) continue;
      winner = endpoint;
      least = drawn;
    }
    return winner;
  }
}

/** A number between 0 and 1, both excluded, from 64 bits of hash. */
function draw(low: number, high: number): number {
  const spread = Math.imul(low, 0x2c1b3c6d);
  return ((mix((spread ^ (spread >>> 15)) + high) >>> 0) + 0.5) / 2 ** 32;
}
