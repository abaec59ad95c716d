// Random cases of whole decisions: a project, its members, their policies and a
// request, to be decided in both modes.

import { below, chance, pick, pickWeighted, repeat } from './choices.mjs';
import { clean } from './fhirpath_resources.mjs';
import { INTERACTIONS } from './policy_cases.mjs';

const uuid = (group, n) => `${group}0000000-0000-4000-8000-00000000000${n}`;
const OWN = uuid(1, 1);
const LINKED = uuid(1, 2);
const FOREIGN = uuid(1, 3);
const ORGANIZATIONS = [uuid(4, 1), uuid(4, 2)].map((id) => `Organization/${id}`);
const PATIENTS = [uuid(3, 1), uuid(3, 2)].map((id) => `Patient/${id}`);
const PRACTITIONER = `Practitioner/${uuid(2, 1)}`;
const TYPES = [
  'Patient',
  'Observation',
  'Task',
  'Encounter',
  'Communication',
  'Binary',
  'Organization',
  'ProjectMembership',
  'Project',
  'User',
  'AccessPolicy',
  'DocumentReference',
  'RelatedPerson',
];
const ADDRESSES = ['1.2.3.4', '1.20.3.4', '10.0.0.1', '::1'];
const id = (reference) => reference.split('/')[1];
const reference = (text) => ({ reference: text });

export class ModeCases {
  #resources;
  #policies;

  constructor(resources, policies) {
    this.#resources = resources;
    this.#policies = policies;
  }

  modes() {
    const type = chance(0.8) ? pick(TYPES) : pick(this.#resources.types);
    const resource = this.#resource(type);
    const names = repeat(1 + below(3), (_, i) => uuid(5, i + 1));
    const interaction = pick([...INTERACTIONS, 'create', 'update', 'patch', 'read']);
    const isDeleted = chance(0.08);
    const isForAnother = chance(0.08);
    const test = {
      kind: 'modes',
      live: [
        ...this.#projects(names),
        { resourceType: 'Practitioner', id: id(PRACTITIONER), meta: { project: OWN } },
        ...PATIENTS.map((patient) => ({
          resourceType: 'Patient',
          id: id(patient),
          meta: {
            project: OWN,
            accounts: [reference(pick(ORGANIZATIONS))],
            compartment: [reference(patient)],
          },
        })),
        ...names.map((name) => this.#policy(name, resource)),
        this.#membership('a', names, isForAnother ? 0.8 : 0.2),
        this.#membership('b', names, 0.1),
      ].filter((live) => live.id !== resource.id),
      versions: isDeleted ? [resource] : [],
      subject: `ProjectMembership/${uuid(6, 1)}`,
      interaction,
      type,
      id: resource.id,
    };
    if (!isDeleted && chance(0.95)) test.live.push(resource);
    if (['create', 'update', 'patch'].includes(interaction))
      test.proposed = this.#proposed(resource, interaction);
    if (interaction === 'vread') test.versionId = 'v1';
    if (chance(0.25)) test.smartScope = this.#scope(type, resource);
    if (chance(0.15)) test.launchPatient = pick(PATIENTS);
    if (chance(0.3)) test.extended = true;
    if (chance(0.2)) test.remoteAddress = pick(ADDRESSES);
    if (chance(0.2)) test.basic = true;
    if (isForAnother)
      test.onBehalfOf = pick([`ProjectMembership/${uuid(6, 2)}`, PRACTITIONER, ...PATIENTS]);
    return test;
  }

  #resource(type) {
    const resource = this.#resources.resource(type);
    resource.id = pick([...PATIENTS.map(id), uuid(7, 1), uuid(7, 2), 'no-uuid']);
    const account = pick(ORGANIZATIONS);
    resource.meta = {
      ...resource.meta,
      project: pickWeighted({ [OWN]: 88, [LINKED]: 8, [FOREIGN]: 4 }),
      versionId: 'v1',
      lastUpdated: '2024-02-29T10:20:30.512Z',
      compartment: [
        reference(`Project/${OWN}`),
        reference(account),
        reference(pick(PATIENTS)),
      ].slice(0, 1 + below(3)),
    };
    if (chance(0.5)) resource.meta.accounts = [reference(account)];
    if (chance(0.1)) delete resource.meta.project;
    if (type === 'Binary' && chance(0.4)) resource.securityContext = reference(pick(PATIENTS));
    for (const member of ['subject', 'patient', 'for']) {
      if (resource[member] && chance(0.7)) resource[member] = reference(pick(PATIENTS));
    }
    return clean(resource);
  }

  #projects(names) {
    const defaults = [
      { profileType: 'Practitioner', accessPolicy: reference(`AccessPolicy/${names[0]}`) },
      { profileType: 'Admin', accessPolicy: reference(`AccessPolicy/${names.at(-1)}`) },
    ];
    return clean([
      {
        resourceType: 'Project',
        id: OWN,
        meta: { project: OWN },
        superAdmin: chance(0.06) || undefined,
        link: chance(0.6) ? [{ project: reference(`Project/${LINKED}`) }] : undefined,
        defaultAccessPolicies: chance(0.2) ? defaults : undefined,
      },
      {
        resourceType: 'Project',
        id: LINKED,
        meta: { project: LINKED },
        exportedResourceType: chance(0.4) ? ['Patient', 'Observation'] : undefined,
      },
      { resourceType: 'Project', id: FOREIGN, meta: { project: FOREIGN } },
    ]);
  }

  #policy(name, resource) {
    const entries = repeat(1 + below(5), () => {
      const entry = this.#policies.entryFor(resource);
      if (chance(0.3))
        entry.criteria = this.#parameterCriteria(entry.resourceType, resource.resourceType);
      if (chance(0.03)) entry.interaction = [];
      return entry;
    });
    return clean({
      resourceType: 'AccessPolicy',
      id: name,
      meta: { project: pickWeighted({ [OWN]: 85, [LINKED]: 8, [FOREIGN]: 7 }), versionId: 'v1' },
      resource: entries,
      compartment: chance(0.25)
        ? reference(pick(['%patient', '%org', ...PATIENTS, ...ORGANIZATIONS]))
        : undefined,
      ipAccessRule: chance(0.15)
        ? repeat(1 + below(2), () => ({
            value: pick(['*', '1.2', '1.2.3.4', '10.']),
            action: pick(['allow', 'block']),
          }))
        : undefined,
    });
  }

  #parameterCriteria(entryType, type) {
    const value = pick([
      '%patient',
      '%profile',
      '%org',
      '%org.id',
      '%patient.id',
      '%other',
      ...ORGANIZATIONS,
      ...PATIENTS,
    ]);
    const prefix = chance(0.85) ? `${entryType}?` : pick(['*?', `${type}?`, '', 'x/Patient?']);
    return (
      prefix +
      pick([
        `_compartment=${value}`,
        `_compartment=${value}&_project=${OWN}`,
        `subject=${value}`,
        `_id:not=${value}`,
        `_project=${OWN}`,
        '_count=1',
        '',
      ])
    );
  }

  #membership(which, names, adminChance) {
    const parameters = () => ({
      parameter: repeat(below(3), () => ({
        name: pick(['org', 'org', 'other', 'patient', 'profile']),
        ...pick([
          { valueReference: reference(pick([...ORGANIZATIONS, ...PATIENTS])) },
          {
            valueString: pick([
              'x',
              '',
              '$&',
              '"',
              'a","readonly":"',
              '&active=true',
              ORGANIZATIONS[0],
            ]),
          },
        ]),
      })),
    });
    return clean({
      resourceType: 'ProjectMembership',
      id: uuid(6, which === 'a' ? 1 : 2),
      meta: { project: OWN },
      project: reference(`Project/${OWN}`),
      user: reference('User/u'),
      profile: reference(chance(0.6) ? PRACTITIONER : pick(PATIENTS)),
      accessPolicy: chance(0.5) ? reference(`AccessPolicy/${pick(names)}`) : undefined,
      access: chance(0.7)
        ? repeat(1 + below(2), () => ({
            policy: reference(`AccessPolicy/${pick(names)}`),
            ...parameters(),
          }))
        : undefined,
      admin: chance(adminChance) || undefined,
      active: chance(which === 'a' ? 0.02 : 0.2) ? false : undefined,
    });
  }

  #proposed(resource, interaction) {
    const proposed = clean(resource);
    if (chance(0.7)) {
      const other = this.#resources.resource(resource.resourceType);
      for (const [name, member] of Object.entries(other)) {
        if (!['resourceType', 'id', 'meta'].includes(name) && chance(0.3)) proposed[name] = member;
      }
    }
    if (interaction === 'create') delete proposed.id;
    if (chance(0.6)) delete proposed.meta;
    else if (chance(0.3)) proposed.meta.accounts = [reference(pick(ORGANIZATIONS))];
    return proposed;
  }

  #scope(type, resource) {
    const term = () =>
      pick(['patient', 'user', 'system']) +
      `/${pick([type, type, '*', pick(this.#resources.types)])}.` +
      pick(['rs', 'r', 's', 'cruds', 'cud', 'c', 'u', 'd', '*', 'read', 'write', '', 'us', 'sr']) +
      (chance(0.3)
        ? `?${pick(['_id=', '_compartment=', 'status='])}${pick([resource.id, 'final', ...PATIENTS])}`
        : '');
    return repeat(1 + below(3), () => (chance(0.1) ? pick(['openid', 'launch', '']) : term())).join(
      ' ',
    );
  }
}
