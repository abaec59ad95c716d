/** Hidden fields are removed as the server removes them. */

import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { after, before, describe, it } from 'node:test';

import { PdpClient, stripHiddenFields } from '../src';
import { DATA_TYPES } from '../src/data_types';
import { Pdpd, ROOT, temporaryDirectory } from './support/pdpd';

const OBSERVATION = {
  resourceType: 'Observation',
  id: '30000000-0000-4000-8000-000000000001',
  meta: { project: 'p', versionId: '1' },
  status: 'final',
  code: { coding: [{ system: 's', code: 'c', display: 'd' }], text: 't' },
  valueQuantity: { value: 1.5, unit: 'mg' },
  _valueString: { id: 'x' },
  valueSetting: 'kept',
  component: [
    { code: { text: 'a' }, valueString: 'b' },
    { code: { text: 'c' }, valueInteger: 3 },
  ],
  note: [{ text: 'n' }],
  performer: [{ reference: 'Practitioner/1', display: 'Doc' }],
};

const PATHS = [
  ['status'],
  ['value[x]'],
  ['code.coding.display', 'note.text'],
  ['component.value[x]', 'component.code.text'],
  ['performer', 'performer.display'],
  ['code', 'code.text', 'absent', 'absent.more', 'status.more', 'status[x]'],
  ['note'],
];

describe('stripHiddenFields', () => {
  let server: Pdpd;
  let pdp: PdpClient;

  before(async () => {
    const source = temporaryDirectory();
    const meta = { project: 'p', versionId: '1' };
    const write = (resource: { resourceType: string; id: string }): void =>
      fs.writeFileSync(path.join(source, `${resource.resourceType}-${resource.id}.json`), JSON.stringify(resource));
    const project = { reference: 'Project/p' };
    write({ resourceType: 'Project', id: 'p', ...{ meta } });
    PATHS.forEach((hiddenFields, i) => {
      const resource = [{ resourceType: 'Observation', interaction: ['read', 'search'], hiddenFields }];
      write({ resourceType: 'AccessPolicy', id: `a${i}`, ...{ meta, resource } });
      const profile = { reference: `Practitioner/x${i}` };
      const accessPolicy = { reference: `AccessPolicy/a${i}` };
      const user = { reference: `User/u${i}` };
      write({ resourceType: 'ProjectMembership', id: `m${i}`, ...{ meta, project, user, profile, accessPolicy } });
    });
    server = await Pdpd.start({ source });
    pdp = new PdpClient(server.target, { insecure: true, deadlineMs: 30_000 });
  });
  after(async () => {
    pdp.close();
    await server.stop();
  });

  it('removes what the server removes', async () => {
    for (const [i, paths] of PATHS.entries()) {
      const subject = `ProjectMembership/m${i}`;
      const { resources } = await pdp.filterResources({ subject, resources: [OBSERVATION] });
      assert.deepEqual(stripHiddenFields(OBSERVATION, paths), resources[0], paths.join(' '));
      const decision = await pdp.check({ subject, interaction: 'read', resource: { body: OBSERVATION } });
      assert.deepEqual(decision.strip(OBSERVATION), resources[0]);
    }
  });

  it('raises where a path leads through a null item', () => {
    const resource = { resourceType: 'Patient', name: [null, { family: 'x' }] };
    assert.throws(() => stripHiddenFields(resource, ['name.family']), TypeError);
  });

  it('knows the data types that the server knows', () => {
    const header = fs.readFileSync(path.join(ROOT, 'pdp/fhir/data_types.h'), 'utf8');
    const table = header.slice(header.indexOf('kDataTypes[] = {'), header.indexOf('};'));
    assert.deepEqual([...DATA_TYPES].sort(), [...table.matchAll(/"(\w+)"/g)].map(([, name]) => name).sort());
  });
});
