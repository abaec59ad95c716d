/** The middleware in a real Express application, before a real pdpd. */

import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import type * as http from 'node:http';
import * as path from 'node:path';
import { after, before, describe, it } from 'node:test';

import express, { type Request } from 'express';

import { NoDecision, PdpClient, PermissionDenied } from '../src';
import { decisionOf, fromParams, pdpErrors, requirePermission } from '../src/express';
import * as clinic from './support/clinic';
import { Pdpd, temporaryDirectory } from './support/pdpd';

const NORTH_ID = clinic.NORTH.split('/')[1] ?? '';
const SOUTH_ID = clinic.SOUTH.split('/')[1] ?? '';

describe('requirePermission', () => {
  let server: Pdpd;
  let pdp: PdpClient;
  let away: PdpClient;
  let web: http.Server;
  let base = '';
  let handled = 0;
  const errors: unknown[] = [];

  before(async () => {
    server = await Pdpd.start();
    pdp = new PdpClient(server.target, { insecure: true, deadlineMs: 30_000 });
    away = new PdpClient('127.0.0.1:1', { insecure: true });
    const app = express();
    // As after a login of the application's own.
    const subject = (request: Request): string | undefined => {
      const member = request.headers['x-member'];
      return typeof member === 'string' ? member : undefined;
    };
    const patient = { pdp, interaction: 'read' as const, resource: fromParams('Patient', 'id'), subject };
    const show = (_: Request, response: express.Response): void => {
      ++handled;
      response.json({ decisionId: decisionOf(response).decisionId });
    };
    app.get('/patients/:id', requirePermission(patient), show);
    app.get(
      '/clinics/:clinic/patients/:id',
      requirePermission({
        ...patient,
        tenant: [
          { param: 'clinic', type: 'Organization' },
          { header: 'X-Clinic', type: 'Organization' },
        ],
      }),
      show,
    );
    app.get('/here/:id', requirePermission({ ...patient, tenant: { header: 'X-Clinic' } }), show);
    app.get('/stored/:id', requirePermission({ ...patient, tenant: [{ header: 'X-Clinic' }, 'stored'] }), show);
    app.get('/stripped/:id', requirePermission({ ...patient, obligations: ['HIDDEN_FIELDS'] }), (request, response) => {
      ++handled;
      response.json(
        decisionOf(response).strip({ resourceType: 'Patient', id: request.params['id'], name: [{ family: 'x' }] }),
      );
    });
    app.get('/away/:id', requirePermission({ ...patient, pdp: away }), show);
    app.get('/token/:id', requirePermission({ pdp, interaction: 'read', resource: fromParams('Patient', 'id') }), show);
    app.get(
      '/broken/:id',
      requirePermission({
        ...patient,
        context: () => {
          throw new Error('secret');
        },
        onError: (error) => errors.push(error),
      }),
      show,
    );
    app.get('/thrown/:what', (request) => {
      if (request.params['what'] === 'denied') throw new PermissionDenied(undefined, { decisionId: 'd-1' });
      if (request.params['what'] === 'none') {
        throw new NoDecision({ status: 'UNAVAILABLE', message: 'x', callerFault: false });
      }
      throw new Error('other');
    });
    app.use(pdpErrors());
    app.use((_error: unknown, _request: Request, response: express.Response, _next: express.NextFunction) => {
      response.status(500).json({});
    });
    web = await new Promise<http.Server>((resolve) => {
      const listening = app.listen(0, '127.0.0.1', () => resolve(listening));
    });
    const address = web.address();
    assert.ok(address !== null && typeof address === 'object');
    base = `http://127.0.0.1:${address.port}`;
  });
  after(async () => {
    web.closeAllConnections();
    web.close();
    away.close();
    pdp.close();
    await server.stop();
  });

  interface Answer {
    readonly status: number;
    readonly body: Record<string, unknown>;
    readonly headers: Record<string, string>;
  }

  async function get(path: string, headers: Record<string, string> = {}): Promise<Answer> {
    handled = 0;
    const response = await fetch(base + path, { headers });
    const body: unknown = await response.json();
    const answer = {
      status: response.status,
      body: body as Record<string, unknown>,
      headers: Object.fromEntries(response.headers),
    };
    assert.equal(handled, answer.status === 200 ? 1 : 0, path);
    return answer;
  }

  const as = (member: string, more: Record<string, string> = {}): Record<string, string> => ({
    'x-member': member,
    ...more,
  });

  it('lets a request through that is permitted', async () => {
    const { status, body } = await get(`/patients/${clinic.PATIENT_1}`, as(clinic.PATIENT_MEMBER));
    assert.equal(status, 200);
    assert.match(String(body['decisionId']), /^[0-9a-f-]{36}$/);
  });

  it('answers what is not permitted and what does not exist alike', async () => {
    const answers = [
      await get(`/patients/${clinic.PATIENT_2}`, as(clinic.PATIENT_MEMBER)),
      await get('/patients/20000009-0000-4000-8000-000000000009', as(clinic.PATIENT_MEMBER)),
    ];
    for (const { status, body, headers } of answers) {
      assert.equal(status, 403);
      assert.deepEqual(Object.keys(body), ['decisionId']);
      assert.match(String(body['decisionId']), /^[0-9a-f-]{36}$/);
      assert.equal(headers['cache-control'], 'no-store');
    }
    const [first, second] = answers.map(({ headers }) => {
      const { date: _, etag: __, ...rest } = headers;
      return rest;
    });
    assert.deepEqual(first, second);
  });

  it('answers 401 where nobody asks, or nobody that is known', async () => {
    assert.deepEqual((await get(`/patients/${clinic.PATIENT_1}`)).body, { decisionId: null });
    assert.equal((await get(`/patients/${clinic.PATIENT_1}`)).status, 401);
    assert.equal((await get(`/patients/${clinic.PATIENT_1}`, as('ProjectMembership/nobody'))).status, 401);
    for (const authorization of ['', 'Basic x', 'Bearer', 'Bearer a b', 'Bearer a, Bearer b']) {
      assert.equal((await get(`/token/${clinic.PATIENT_1}`, { authorization })).status, 401, authorization);
    }
    // No issuer is configured there: a denial.
    assert.equal((await get(`/token/${clinic.PATIENT_1}`, { authorization: 'Bearer a.b.c' })).status, 403);
  });

  it('answers 503 without a decision', async () => {
    const { status, body } = await get(`/away/${clinic.PATIENT_1}`, as(clinic.PATIENT_MEMBER));
    assert.equal(status, 503);
    assert.deepEqual(body, { decisionId: null });
    const broken = await get(`/broken/${clinic.PATIENT_1}`, as(clinic.PATIENT_MEMBER));
    assert.equal(broken.status, 503);
    assert.ok(!JSON.stringify(broken).includes('secret'));
    assert.equal(errors.length, 1);
  });

  it('lets obligations through only to a handler that honors them', async () => {
    assert.equal((await get(`/patients/${clinic.PATIENT_1}`, as(clinic.SCORE_SERVICE))).status, 403);
    const { status, body } = await get(`/stripped/${clinic.PATIENT_1}`, as(clinic.SCORE_SERVICE));
    assert.equal(status, 200);
    assert.deepEqual(body, { resourceType: 'Patient', id: clinic.PATIENT_1 });
  });

  it('reaches the tenant of the URL alone', async () => {
    const path = (tenant: string, patient: string): string => `/clinics/${tenant}/patients/${patient}`;
    assert.equal((await get(path(NORTH_ID, clinic.PATIENT_1), as(clinic.MSO_STAFF))).status, 200);
    assert.equal((await get(path(SOUTH_ID, clinic.PATIENT_1), as(clinic.MSO_STAFF))).status, 403);
    assert.equal((await get(path(SOUTH_ID, clinic.SOUTH_PATIENT), as(clinic.MSO_STAFF))).status, 200);
    assert.equal((await get(path(SOUTH_ID, clinic.PATIENT_1), as(clinic.NORTH_CLINICIAN))).status, 403);
    for (const tenant of ['x', '..%2f', 'Organization%2fx', `${NORTH_ID},${SOUTH_ID}`, `${NORTH_ID}%00`, '%20']) {
      assert.equal((await get(path(tenant, clinic.PATIENT_1), as(clinic.MSO_STAFF))).status, 403, tenant);
    }
    // A header may say the same, and nothing else.
    const same = as(clinic.MSO_STAFF, { 'x-clinic': NORTH_ID });
    assert.equal((await get(path(NORTH_ID, clinic.PATIENT_1), same)).status, 200);
    const other = as(clinic.MSO_STAFF, { 'x-clinic': SOUTH_ID });
    assert.equal((await get(path(NORTH_ID, clinic.PATIENT_1), other)).status, 403);
  });

  it('never takes no tenant for all', async () => {
    const patient = `/here/${clinic.PATIENT_1}`;
    assert.equal((await get(patient, as(clinic.MSO_STAFF, { 'x-clinic': clinic.NORTH }))).status, 200);
    assert.equal((await get(patient, as(clinic.MSO_STAFF))).status, 403);
    assert.equal((await get(patient, as(clinic.MSO_STAFF, { 'x-clinic': '' }))).status, 403);
    assert.equal(
      (await get(patient, as(clinic.MSO_STAFF, { 'x-clinic': `${clinic.NORTH}, ${clinic.SOUTH}` }))).status,
      403,
    );
    assert.equal((await get(patient, as(clinic.MSO_STAFF, { 'x-clinic': clinic.SOUTH }))).status, 403);
  });

  it('takes the tenant that is stored in the UserConfiguration', async () => {
    const source = temporaryDirectory();
    const meta = { project: 'p', versionId: '1' };
    const write = (resource: { resourceType: string; id: string; [name: string]: unknown }): void =>
      fs.writeFileSync(
        path.join(source, `${resource.resourceType}-${resource.id}.json`),
        JSON.stringify({ meta, ...resource }),
      );
    write({ resourceType: 'Project', id: 'p' });
    const tenants = [clinic.NORTH, clinic.SOUTH];
    const patients = [clinic.PATIENT_1, clinic.SOUTH_PATIENT];
    tenants.forEach((reference, i) => {
      write({ resourceType: 'Patient', id: patients[i] ?? '', meta: { ...meta, accounts: [{ reference }] } });
    });
    const resource = [{ resourceType: 'Patient', criteria: 'Patient?_compartment=%organization' }];
    write({ resourceType: 'AccessPolicy', id: 'a', resource });
    for (const [id, chosen] of [
      ['north', clinic.NORTH],
      ['gone', 'Organization/other'],
    ] as const) {
      write({ resourceType: 'UserConfiguration', id, option: [{ id: 'activeTenant', valueString: chosen }] });
      write({
        resourceType: 'ProjectMembership',
        id,
        project: { reference: 'Project/p' },
        user: { reference: `User/${id}` },
        profile: { reference: `Practitioner/${id}` },
        userConfiguration: { reference: `UserConfiguration/${id}` },
        access: tenants.map((reference) => ({
          policy: { reference: 'AccessPolicy/a' },
          parameter: [{ name: 'organization', valueReference: { reference } }],
        })),
      });
    }
    const own = await Pdpd.start({ source });
    const client = new PdpClient(own.target, { insecure: true, deadlineMs: 30_000 });
    const ask = async (member: string, id: string, header?: string): Promise<number> => {
      let status = 0;
      const request = { params: { id }, headers: header === undefined ? {} : { 'x-clinic': header } };
      const response = {
        headersSent: false,
        locals: {},
        setHeader: () => undefined,
        status: (code: number) => {
          status = code;
          return { json: () => undefined };
        },
      };
      const guard = requirePermission({
        pdp: client,
        interaction: 'read',
        resource: fromParams('Patient', 'id'),
        subject: () => `ProjectMembership/${member}`,
        tenant: [{ header: 'x-clinic' }, 'stored'],
      });
      await guard(request, response, () => (status = 200));
      return status;
    };
    assert.equal(await ask('north', clinic.PATIENT_1), 200);
    assert.equal(await ask('north', clinic.SOUTH_PATIENT), 403);
    assert.equal(await ask('north', clinic.SOUTH_PATIENT, clinic.SOUTH), 200, 'a header goes before it');
    // One that is not the member's any more is never taken for all.
    assert.equal(await ask('gone', clinic.PATIENT_1), 403);
    assert.equal(await ask('gone', clinic.PATIENT_1, clinic.NORTH), 200);
    client.close();
    await own.stop();
  });

  it('takes a tenant that is named before the stored one', async () => {
    // None is stored for these members: as none chosen.
    assert.equal((await get(`/stored/${clinic.PATIENT_1}`, as(clinic.MSO_STAFF))).status, 200);
    assert.equal(
      (await get(`/stored/${clinic.PATIENT_1}`, as(clinic.MSO_STAFF, { 'x-clinic': clinic.SOUTH }))).status,
      403,
    );
  });

  it('refuses ids that are none', async () => {
    for (const id of ['..%2fx', 'a%2fb', 'x%3fy', 'a%20b', '$everything', '%00']) {
      const { status, body } = await get(`/patients/${id}`, as(clinic.NORTH_CLINICIAN));
      assert.equal(status, 403, id);
      assert.deepEqual(body, { decisionId: null });
    }
  });

  it('answers errors of the client that handlers throw', async () => {
    assert.deepEqual(await get('/thrown/denied').then(({ status, body }) => [status, body]), [
      403,
      { decisionId: 'd-1' },
    ]);
    assert.deepEqual(await get('/thrown/none').then(({ status, body }) => [status, body]), [503, { decisionId: null }]);
    assert.equal((await get('/thrown/other')).status, 500);
  });
});
