export type RecordType = 'A' | 'AAAA' | 'SRV';

export interface DnsQuestion {
  /** In the form of `normalName`. */
  readonly name: string;
  readonly type: RecordType;
}

export type DnsRecord = AddressRecord | ServiceRecord;

export interface AddressRecord {
  readonly type: 'A' | 'AAAA';
  readonly name: string;
  /** Canonical text. */
  readonly address: string;
}

export interface ServiceRecord {
  readonly type: 'SRV';
  readonly name: string;
  readonly priority: number;
  readonly weight: number;
  readonly port: number;
  /** Empty: the service is decidedly not available here (RFC 2782, a target of "."). */
  readonly target: string;
}

/** The form in which names are compared and remembered: lower case, no trailing dot. */
export function normalName(name: string): string {
  const lower = name.toLowerCase();
  return lower.endsWith('.') ? lower.slice(0, -1) : lower;
}

/** Whether `name` can be asked for: at most 253 characters, labels of 1 to 63 printable ASCII ones. */
export function isQueryableName(name: string): boolean {
  return name.length <= 253 && name.split('.').every((label) => /^[!-~]{1,63}$/.test(label));
}
