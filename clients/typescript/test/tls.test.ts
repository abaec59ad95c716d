/** TLS and mutual TLS with a real pdpd. */

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { PdpClient, type PdpClientOptions } from '../src';
import * as clinic from './support/clinic';
import { Pdpd, certificates } from './support/pdpd';

const QUESTION = {
  subject: clinic.PATIENT_MEMBER,
  interaction: 'read',
  resource: `Patient/${clinic.PATIENT_1}`,
} as const;

describe('TLS', () => {
  const files = certificates();
  let server: Pdpd;

  before(async () => {
    server = await Pdpd.start({
      caller: 'name=bot,san=dns:bot.example.org,permissions=all,subjects=any,resources=inline',
      flags: [
        ...['--tls.certificate-file', files.cert, '--tls.private-key-file', files.key],
        ...['--tls.client-ca-file', files.ca],
      ],
    });
  });
  after(() => server.stop());

  async function ask(options: PdpClientOptions): Promise<string> {
    const pdp = new PdpClient(server.target, { deadlineMs: 3_000, ...options });
    const decision = await pdp.check(QUESTION);
    pdp.close();
    return decision.effect;
  }

  it('permits with the right CA and a certificate', async () => {
    const tls = { caFile: files.ca, certFile: files.clientCert, keyFile: files.clientKey };
    assert.equal(await ask({ tls, deadlineMs: 30_000 }), 'PERMIT');
  });

  it("has no decision with a wrong CA, the system's CAs, no certificate, a wrong name, or plaintext", async () => {
    const pair = { certFile: files.clientCert, keyFile: files.clientKey };
    assert.equal(await ask({ tls: { caFile: files.otherCa, ...pair } }), 'NO_DECISION');
    assert.equal(await ask({ tls: pair }), 'NO_DECISION');
    assert.equal(await ask({ tls: { caFile: files.ca } }), 'NO_DECISION');
    assert.equal(await ask({ tls: { caFile: files.ca, ...pair, serverName: 'pdp.example.org' } }), 'NO_DECISION');
    assert.equal(await ask({ insecure: true }), 'NO_DECISION');
  });

  it('refuses options that contradict each other', () => {
    assert.throws(() => new PdpClient('x:1', { tls: {}, insecure: true }), /exclude/);
    assert.throws(() => new PdpClient('x:1', { tls: { certFile: files.clientCert } }), /belong together/);
    assert.throws(() => new PdpClient('unix:/x', { tls: {} }), /Unix/);
  });
});
