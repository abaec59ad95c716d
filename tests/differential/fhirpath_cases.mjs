// Random cases of FHIRPath: expressions, what they are evaluated on, and what
// that takes the place of.

import { chance, pick, pickWeighted } from './choices.mjs';
import { makeExpression } from './fhirpath_expressions.mjs';
import { PATHS } from './fhirpath_vocabulary.mjs';
import {
  bundle,
  clean,
  distortMembers,
  observation,
  patient,
  questionnaire,
} from './fhirpath_resources.mjs';

const SMALL = [patient, patient, observation, observation, questionnaire, bundle];

// The paths of the members of `value`, choice elements by their short names.
function pathsOf(value, elements, prefix, paths) {
  for (const [name, member] of Object.entries(value)) {
    if (paths.length > 60 || !/^[a-z]\w*$/.test(name)) continue;
    const choice = Object.keys(elements).find(
      (key) =>
        key.endsWith('[x]') &&
        name.startsWith(key.slice(0, -3)) &&
        /^[A-Z]/.test(name.slice(key.length - 3)),
    );
    const path = `${prefix}${choice && chance(0.8) ? choice.slice(0, -3) : name}`;
    paths.push(path);
    for (const item of [member].flat()) {
      if (item && typeof item === 'object') pathsOf(item, {}, `${path}.`, paths);
    }
  }
  return paths;
}

export class FhirPathCases {
  #core;
  #resources;
  #parameters;

  constructor(medplum, resources) {
    this.#core = medplum.core;
    this.#resources = resources;
    this.#parameters = resources.types.flatMap((type) =>
      Object.values(this.#core.getSearchParameters(type) ?? {}).map(({ expression }) => ({
        type,
        expression,
      })),
    );
  }

  fhirpath(number, isOdd = false) {
    const source = pickWeighted({ small: 60, any: 20, parameter: 12, invariant: 8 });
    let test;
    if (source === 'parameter') test = this.#parameter(number);
    if (source === 'invariant') test = this.#invariant();
    if (!test) {
      const make =
        source === 'small'
          ? pick(SMALL)
          : () => this.#resources.resource(pick(this.#resources.types));
      const resource = clean(make());
      test = {
        expression: this.expression(resource),
        resource,
        before: this.#before(resource, make),
      };
    }
    if (isOdd) {
      test.resource = distortMembers(test.resource);
      test.before &&= distortMembers(test.before);
    }
    return { kind: 'fhirpath', ...test };
  }

  odd(number) {
    return this.fhirpath(number, true);
  }

  // An expression about what is in `resource`.
  expression(resource) {
    const type = resource.resourceType;
    const elements = this.#core.tryGetDataType(type)?.elements ?? {};
    const own = PATHS[type];
    return makeExpression(
      own && chance(0.7) ? own : pathsOf(resource, elements, chance(0.2) ? `${type}.` : '', []),
    );
  }

  #before(resource, make) {
    if (chance(0.2)) return undefined;
    return clean(chance(0.5) ? make() : resource);
  }

  // The expression of a search parameter: each in turn.
  #parameter(number) {
    const { type, expression } = this.#parameters[number % this.#parameters.length];
    const resource = this.#resources.resource(type, [expression]);
    return {
      expression: chance(0.8)
        ? expression
        : `(${expression})${pick(['.exists()', '.count()', ' = id', '.type()'])}`,
      resource,
    };
  }

  // What the definitions say is always true of a resource of a type.
  #invariant() {
    const type = pick(this.#resources.types);
    const definition = this.#core.tryGetDataType(type);
    const constraints = [...(definition?.constraints ?? [])];
    for (const element of Object.values(definition?.elements ?? {}))
      constraints.push(...(element.constraints ?? []));
    if (constraints.length === 0) return undefined;
    return { expression: pick(constraints).expression, resource: this.#resources.resource(type) };
  }
}
