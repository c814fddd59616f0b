import { tlsAlert } from '../tls/alert.ts';
import type { ClientHello } from '../tls/client-hello.ts';
import type { Connection, Decision, DialFailure, Ending, Policy, Reject } from './data-plane.ts';

const policyFailed: Reject = {
  kind: 'reject',
  how: { alert: tlsAlert.internal_error },
  outcome: 'rejected',
};

/** A policy that breaks its word and throws: the connection is rejected, the error reported, the others go on. */
export class GuardedPolicy implements Policy {
  readonly #policy: Policy;
  readonly #onError: (error: unknown) => void;

  constructor(policy: Policy, onError: (error: unknown) => void) {
    this.#policy = policy;
    this.#onError = onError;
  }

  accepted(connection: Connection): 'hello' | 'proxy-header' | Reject {
    try {
      return this.#policy.accepted(connection);
    } catch (error) {
      return this.#fail(error);
    }
  }

  hello(connection: Connection, hello: ClientHello | undefined): Decision {
    try {
      return this.#policy.hello(connection, hello);
    } catch (error) {
      return this.#fail(error);
    }
  }

  dialFailed(connection: Connection, failure: DialFailure): Decision {
    try {
      return this.#policy.dialFailed(connection, failure);
    } catch (error) {
      return this.#fail(error);
    }
  }

  ended(connection: Connection, ending: Ending): void {
    try {
      this.#policy.ended(connection, ending);
    } catch (error) {
      this.#onError(error);
    }
  }

  #fail(error: unknown): Reject {
    this.#onError(error);
    return policyFailed;
  }
}
