// Answers questions on its input, as ask.py does, by the TypeScript client.
//
// usage: ask.cjs PACKAGE TARGET CA TOKEN-FILE

const { readFileSync } = require('node:fs');
const { createInterface } = require('node:readline');

const [directory, target, caFile, tokenFile] = process.argv.slice(2);
const { PdpClient } = require(directory);

const pdp = new PdpClient(target, {
  tls: { caFile },
  token: () => readFileSync(tokenFile, 'utf8').trim(),
  deadlineMs: 20_000,
});

async function answer(line) {
  const [subject, interaction, reference, ...body] = line.split(' ');
  const [type, id] = reference.split('/');
  const resource = body.length === 0 ? reference : { type, id, body: body.join(' ') };
  const decision = await pdp.check({ subject, interaction, resource });
  return `${decision.effect} ${decision.failure?.status ?? decision.reason} ${decision.decisionId || '-'}`;
}

async function main() {
  for await (const line of createInterface({ input: process.stdin })) console.log(await answer(line));
  pdp.close();
}

main();
