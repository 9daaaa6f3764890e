// Compares the results of a conformance kit with its recorded answers, step by step.
//
//   node conformance.mjs <folder of the kit> <file of known differences>
//
// Fails on every step that differs without being listed as a known difference, on every listed step that agrees, and
// on every listed step that does not exist.
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';

const MAX_PLACES = 6;
const MAX_TEXT = 200;

const [kit, listFile] = process.argv.slice(2);
if (!kit || !listFile) {
  console.error('usage: node conformance.mjs <folder of the kit> <file of known differences>');
  process.exit(2);
}

const known = readKnownDifferences(await readFile(listFile, 'utf8'));
const wrong = [];
const expectedToDiffer = new Set();
let agreeing = 0;

for (const scenario of await recordedScenarios()) {
  const recorded = await readSteps('golden', scenario);
  const found = await readSteps('results', scenario);
  const outcome = compare(recorded, found);
  let [agreed, listed] = [0, 0];
  for (const [step, places] of outcome) {
    const name = `${scenario}: ${step}`;
    const isKnown = known.delete(name);
    if (places.length === 0 && !isKnown) {
      agreed += 1;
    } else if (places.length > 0 && isKnown) {
      expectedToDiffer.add(name);
      listed += 1;
    } else if (isKnown) {
      wrong.push({ name, lines: [`agrees now: take it out of ${listFile}`] });
    } else {
      wrong.push({ name, lines: places });
    }
  }
  agreeing += agreed;
  const others = outcome.size - agreed - listed;
  const notes = [listed && `${listed} known differences`, others && `${others} FAILED`].filter(Boolean);
  console.log(`${scenario}: ${agreed} of ${outcome.size} agree${notes.map(note => `, ${note}`).join('')}`);
}
for (const name of known) {
  wrong.push({ name, lines: [`there is no such step: take it out of ${listFile}`] });
}

for (const { name, lines } of wrong) {
  console.log(`\nFAILED ${name}`);
  for (const line of lines.slice(0, MAX_PLACES)) console.log(`  ${line}`);
  if (lines.length > MAX_PLACES) console.log(`  and ${lines.length - MAX_PLACES} more places`);
}
if (expectedToDiffer.size > 0) console.log(`\n${expectedToDiffer.size} known differences, listed in ${listFile}`);
if (agreeing === 0) console.log('\nnothing agreed: did the kit run?');
console.log(`${agreeing} passed, ${wrong.length} failed`);
process.exitCode = wrong.length > 0 || agreeing === 0 ? 1 : 0;

/** The entries of the list. Each needs a comment above it, or above the entries right before it. */
function readKnownDifferences(text) {
  const names = new Set();
  let hasReason = false;
  for (const [index, line] of text.split('\n').map(line => line.trim()).entries()) {
    const complain = problem => {
      console.error(`${listFile}:${index + 1}: ${problem}`);
      process.exit(2);
    };
    if (line === '') {
      hasReason = false;
    } else if (line.startsWith('#')) {
      hasReason = true;
    } else {
      if (!hasReason) complain('say why in a comment above');
      if (!line.includes(': ')) complain('expected `scenario: step`');
      if (names.has(line)) complain('listed twice');
      names.add(line);
    }
  }
  return names;
}

async function recordedScenarios() {
  const files = await readdir(join(kit, 'golden'));
  return files.filter(file => file.endsWith('.json')).map(file => file.slice(0, -'.json'.length)).sort();
}

/** The steps of a scenario; none if it left no results. */
async function readSteps(folder, scenario) {
  try {
    return JSON.parse(await readFile(join(kit, folder, `${scenario}.json`), 'utf8')).steps;
  } catch (error) {
    if (error.code === 'ENOENT') return [];
    throw error;
  }
}

/** The places where they differ, by step, in the recorded order; steps only found come last. */
function compare(recorded, found) {
  const foundByStep = new Map(found.map(step => [step.step, step]));
  const outcome = new Map();
  for (const step of recorded) {
    const other = foundByStep.get(step.step);
    foundByStep.delete(step.step);
    outcome.set(step.step, other ? differences(step, other) : ['not reached']);
  }
  for (const [name, step] of foundByStep) {
    outcome.set(name, [`not recorded; got ${brief(step.thrown ?? step.value)}`]);
  }
  return outcome;
}

/** One line for each place where two JSON values differ. The order of keys does not count. */
function differences(recorded, found, path = '') {
  if (isDeepStrictEqual(recorded, found)) return [];
  const isComposite = value => typeof value === 'object' && value !== null;
  if (!isComposite(recorded) || !isComposite(found) || Array.isArray(recorded) !== Array.isArray(found)) {
    return [`${path || 'all of it'}: expected ${brief(recorded)}, got ${brief(found)}`];
  }
  const keys = new Set([...Object.keys(recorded), ...Object.keys(found)]);
  const inside = key => (Array.isArray(recorded) ? `${path}[${key}]` : `${path}.${key}`);
  return [...keys].flatMap(key => differences(recorded[key], found[key], inside(key)));
}

function brief(value) {
  const text = value === undefined ? 'nothing' : JSON.stringify(value);
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text;
}
