/** The examples do what they say. */

import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';

import { type BotEvent, MedplumClient } from '@medplum/core';

import { type Reminder, handler } from '../../examples/bot';
import { type Appointment, NoDay, consolidatedDay } from '../../examples/scheduler';
import { PdpClient, PermissionDenied } from '../../src';
import * as clinic from '../support/clinic';
import { FakeFhir } from '../support/fake_fhir';
import { Pdpd } from '../support/pdpd';

const RESOURCES = clinic.clinicResources();

describe('the examples', () => {
  let server: Pdpd;

  before(async () => {
    server = await Pdpd.start();
  });
  after(() => server.stop());

  describe('the bot', () => {
    let fhir: FakeFhir;
    let medplum: MedplumClient;

    beforeEach(async () => {
      fhir?.stop();
      fhir = await FakeFhir.start(RESOURCES);
      medplum = new MedplumClient({ baseUrl: fhir.baseUrl, accessToken: 'a.e30.c', maxRetries: 0 });
    });
    after(() => fhir.stop());

    function event(requester: string | undefined, patient: string): BotEvent<Reminder> {
      return {
        bot: { reference: 'Bot/b' },
        contentType: 'application/json',
        input: { patient: `Patient/${patient}` },
        secrets: { PDP_TARGET: { name: 'PDP_TARGET', valueString: server.target } },
        traceId: 'trace-1',
        ...(requester === undefined ? {} : { requester: { reference: requester } }),
      };
    }
    const created = (): string[] => fhir.requests.flatMap(({ method, url }) => (method === 'POST' ? [url] : []));

    it('works for the member who set it off', async () => {
      const clinician = 'Practitioner/22000001-0000-4000-8000-000000000001';
      const { tasks } = await handler(medplum, event(clinician, clinic.PATIENT_1));
      assert.deepEqual(
        tasks.length,
        RESOURCES.filter(
          (r) =>
            r.resourceType === 'Task' &&
            r['status'] === 'requested' &&
            JSON.stringify(r['for']).includes(clinic.PATIENT_1),
        ).length,
      );
      assert.deepEqual(created(), ['/fhir/R4/Task']);
    });

    it('reaches nothing for a member of the other clinic, or for nobody', async () => {
      const south = 'Practitioner/22000002-0000-4000-8000-000000000001';
      await assert.rejects(handler(medplum, event(south, clinic.PATIENT_1)), PermissionDenied);
      await assert.rejects(handler(medplum, event('Practitioner/nobody', clinic.PATIENT_1)), PermissionDenied);
      await assert.rejects(handler(medplum, event(undefined, clinic.PATIENT_1)), /no requester/);
      assert.deepEqual(created(), []);
    });
  });

  describe('the scheduler', () => {
    const day = RESOURCES.filter(({ resourceType }) => resourceType === 'Appointment') as unknown as Appointment[];
    let pdp: PdpClient;

    before(() => {
      pdp = new PdpClient(server.target, { insecure: true, deadlineMs: 30_000 });
    });
    after(() => pdp.close());
    const show = async (staff: string, tenant?: string): Promise<string[]> =>
      (await consolidatedDay(pdp, staff, day, tenant)).map(({ appointment, mayChange, mayDelete }) =>
        `${appointment.id.slice(0, 8)} ${mayChange ? 'change' : ''} ${mayDelete ? 'delete' : ''}`.trimEnd(),
      );

    it('shows each member of staff what is theirs', async () => {
      const north = '62000001 change';
      const south = '62000002 change';
      assert.deepEqual((await show(clinic.MSO_STAFF)).sort(), [north, north, south]);
      assert.deepEqual(await show(clinic.NORTH_CLINICIAN), [north, north]);
      assert.deepEqual(await show(clinic.SOUTH_CLINICIAN), [south]);
      assert.deepEqual(await show(clinic.MSO_STAFF, clinic.SOUTH), [south]);
      assert.deepEqual(await show(clinic.SOUTH_CLINICIAN, clinic.NORTH), []);
      assert.deepEqual(await show(clinic.PATIENT_MEMBER), ['62000001']);
    });

    it('shows no day with holes', async () => {
      const away = new PdpClient('127.0.0.1:1', { insecure: true });
      await assert.rejects(consolidatedDay(away, clinic.MSO_STAFF, day), NoDay);
      away.close();
    });
  });
});
