/** Every registered TLS alert description by name, the reserved ones of older versions included. */
export const tlsAlert = {
  close_notify: 0,
  unexpected_message: 10,
  bad_record_mac: 20,
  decryption_failed: 21,
  record_overflow: 22,
  decompression_failure: 30,
  handshake_failure: 40,
  no_certificate: 41,
  bad_certificate: 42,
  unsupported_certificate: 43,
  certificate_revoked: 44,
  certificate_expired: 45,
  certificate_unknown: 46,
  illegal_parameter: 47,
  unknown_ca: 48,
  access_denied: 49,
  decode_error: 50,
  decrypt_error: 51,
  too_many_cids_requested: 52,
  export_restriction: 60,
  protocol_version: 70,
  insufficient_security: 71,
  internal_error: 80,
  inappropriate_fallback: 86,
  user_canceled: 90,
  no_renegotiation: 100,
  missing_extension: 109,
  unsupported_extension: 110,
  certificate_unobtainable: 111,
  unrecognized_name: 112,
  bad_certificate_status_response: 113,
  bad_certificate_hash_value: 114,
  unknown_psk_identity: 115,
  certificate_required: 116,
  general_error: 117,
  no_application_protocol: 120,
  ech_required: 121,
} as const;

export type TlsAlertName = keyof typeof tlsAlert;

const namesByNumber = new Map<number, string>(
  Object.entries(tlsAlert).map(([name, number]) => [number, name]),
);

export function isTlsAlertName(name: string): name is TlsAlertName {
  return Object.hasOwn(tlsAlert, name);
}

export function tlsAlertName(description: number): TlsAlertName | undefined {
  return namesByNumber.get(description) as TlsAlertName | undefined;
}

/** A fatal alert in a record of its own, with the record version that every client since TLS 1.2 expects. */
export function encodeAlert(description: number): Uint8Array {
  return Uint8Array.of(0x15, 0x03, 0x03, 0x00, 0x02, 0x02, description);
}
