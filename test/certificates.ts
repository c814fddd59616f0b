import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CertificateAuthority } from '../src/demo/certificate-authority.ts';

/** An authority made for one test run. Its certificate also lies in a file, for curl and openssl. */
export interface TestAuthority {
  readonly authority: CertificateAuthority;
  readonly caFile: string;
  remove(): Promise<void>;
}

export async function createTestAuthority(): Promise<TestAuthority> {
  const authority = await CertificateAuthority.create('Sluice test authority');
  const folder = await mkdtemp(join(tmpdir(), 'sluice-test-'));
  const caFile = join(folder, 'ca.pem');
  await writeFile(caFile, authority.certificatePem);
  return { authority, caFile, remove: () => rm(folder, { recursive: true }) };
}
