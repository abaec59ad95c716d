/** Fields that a member may not see, on every way to them. */

import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';

import { MedplumClient } from '@medplum/core';
import type { Patient } from '@medplum/fhirtypes' with { 'resolution-mode': 'import' };

import { MisuseError, PdpClient, PermissionDenied } from '../../src';
import { type GuardedMedplum, guardMedplum } from '../../src/medplum';
import type { StoredResource } from '../support/clinic';
import { FakeFhir } from '../support/fake_fhir';
import { Pdpd, temporaryDirectory } from '../support/pdpd';

const ID = '20000001-0000-4000-8000-000000000001';
const SECRET = 'Zzhidden';

function version(versionId: string, more: object = {}): StoredResource {
  return {
    resourceType: 'Patient',
    id: ID,
    meta: {
      project: 'p',
      versionId,
      lastUpdated: `2026-01-0${versionId}T00:00:00Z`,
      compartment: [{ reference: 'Project/p' }],
    },
    gender: 'female',
    name: [{ family: SECRET, given: ['Ann'] }],
    ...more,
  };
}

describe('hidden fields', () => {
  let server: Pdpd;
  let pdp: PdpClient;
  let fhir: FakeFhir;
  let guard: GuardedMedplum;

  before(async () => {
    const source = temporaryDirectory();
    const meta = { project: 'p', versionId: '1' };
    const write = (resource: { resourceType: string; id: string; [name: string]: unknown }): void =>
      fs.writeFileSync(path.join(source, `${resource.resourceType}.json`), JSON.stringify({ meta, ...resource }));
    write({ resourceType: 'Project', id: 'p' });
    write({ resourceType: 'AccessPolicy', id: 'a', resource: [{ resourceType: 'Patient', hiddenFields: ['name'] }] });
    write({
      resourceType: 'ProjectMembership',
      id: 'm',
      project: { reference: 'Project/p' },
      user: { reference: 'User/u' },
      profile: { reference: 'Practitioner/x' },
      accessPolicy: { reference: 'AccessPolicy/a' },
    });
    server = await Pdpd.start({ source });
    pdp = new PdpClient(server.target, { insecure: true, deadlineMs: 30_000 });
  });
  beforeEach(async () => {
    fhir?.stop();
    fhir = await FakeFhir.start([version('1', { gender: 'unknown' }), version('2')]);
    const client = new MedplumClient({ baseUrl: fhir.baseUrl, accessToken: 'a.e30.c', maxRetries: 0 });
    guard = guardMedplum(client, { pdp, subject: 'ProjectMembership/m' });
  });
  after(async () => {
    fhir.stop();
    pdp.close();
    await server.stop();
  });

  const stored = (): StoredResource | undefined => fhir.get('Patient', ID);
  function assertHidden(shown: unknown): void {
    assert.ok(JSON.stringify(shown).includes(ID), 'something is shown');
    assert.ok(!JSON.stringify(shown).includes(SECRET));
  }

  it('are in nothing that is read', async () => {
    assertHidden(await guard.readResource('Patient', ID));
    assertHidden(await guard.readReference({ reference: `Patient/${ID}` }));
    assertHidden(await guard.search('Patient', 'gender=female'));
    assertHidden(await guard.searchOne('Patient'));
    for await (const page of guard.searchResourcePages('Patient')) assertHidden(page.bundle);
    const history = await guard.readHistory('Patient', ID);
    assert.equal(history.entry?.length, 2);
    assertHidden(history);
    assertHidden(await guard.readVersion('Patient', ID, '1'));
    assertHidden(await guard.readVersion('Patient', ID, '2'));
  });

  it('are in no version of what was deleted', async () => {
    fhir.delete('Patient', ID);
    await assert.rejects(guard.readResource('Patient', ID), PermissionDenied);
    const history = await guard.readHistory('Patient', ID);
    assert.equal(history.entry?.length, 3);
    assert.equal(history.entry[0]?.response?.status, '410');
    assertHidden(history);
    assertHidden(await guard.readVersion('Patient', ID, '2'));
  });

  it('are neither changed nor shown by an update', async () => {
    const seen = await guard.readResource('Patient', ID);
    assertHidden(await guard.updateResource({ ...seen, gender: 'male' }));
    assert.deepEqual(stored()?.['name'], [{ family: SECRET, given: ['Ann'] }]);
    assert.equal(stored()?.['gender'], 'male');
    assertHidden(await guard.updateResource({ ...seen, name: [{ family: 'other' }] } as Patient & { id: string }));
    assert.deepEqual(stored()?.['name'], [{ family: SECRET, given: ['Ann'] }]);
    assertHidden(await guard.upsertResource({ resourceType: 'Patient', gender: 'other' }, `_id=${ID}`));
    assert.deepEqual(stored()?.['name'], [{ family: SECRET, given: ['Ann'] }]);
    assertHidden(await guard.createResourceIfNoneExist({ resourceType: 'Patient' }, `_id=${ID}`));
  });

  it('cannot be copied to where they are seen, nor guessed', async () => {
    for (const operations of [
      [{ op: 'copy' as const, from: '/name/0/family', path: '/language' }],
      [{ op: 'move' as const, from: '/name', path: '/contact' }],
      [{ op: 'test' as const, path: '/name/0/family', value: SECRET }],
    ]) {
      await assert.rejects(guard.patchResource('Patient', ID, operations as never), MisuseError);
    }
    assertHidden(await guard.patchResource('Patient', ID, [{ op: 'replace', path: '/gender', value: 'male' }]));
    assert.equal(stored()?.['gender'], 'male');
    assert.deepEqual(stored()?.['name'], [{ family: SECRET, given: ['Ann'] }]);
    for (const query of [`family=${SECRET}`, 'name:exact=x', '_sort=family', '_filter=family eq "x"', 'phonetic=x']) {
      await assert.rejects(guard.search('Patient', query), PermissionDenied, query);
    }
  });
});
