// Fails where the package's code has the type `any`, where something exported
// has no comment, and where API.md is not what the code says.
import { problemsOfApi } from './api.mjs';
import { placesOfAny } from './no_any.mjs';
import { programOfPackage } from './program.mjs';

const program = programOfPackage();
const problems = [...placesOfAny(program).map((place) => `any: ${place}`), ...problemsOfApi(program)];
for (const problem of problems) console.error(problem);
process.exitCode = problems.length === 0 ? 0 : 1;
