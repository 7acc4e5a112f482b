/** The work of `slipway init`. */
import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline/promises';
import { FailedError } from '../errors/exit.ts';
import { fileProblem, InputError } from '../errors/problem.ts';
import { FORMATS } from '../spec/formats.ts';
import { checkSpecText } from '../spec/load.ts';
import { STARTER_DEFAULTS, type StarterAnswers, starterSpec } from '../spec/starter.ts';
import type { InitOptions } from './init.ts';
import { writeResult } from './write-result.ts';

const NAME = 'cluster.yaml';

/** Writes DIR/cluster.yaml. Rejects with {@link InputError} when there is one already or the answers do not fit. */
export async function initSpec({ yes, dir }: InitOptions): Promise<void> {
  const file = join(dir, NAME);
  await refuseExisting(file);
  const quiet = yes === true || !process.stdin.isTTY;
  const text = starterSpec(quiet ? STARTER_DEFAULTS : await ask());
  const { problems } = checkSpecText(text, file);
  const errors = problems.filter(({ severity }) => severity === 'error');
  if (errors.length > 0) throw new InputError(errors, new Map([[file, text]]));
  await writeResult(file, text);
  process.stdout.write(
    `wrote ${file}\nnext: read it, then \`slipway check\`, \`slipway plan\` and \`slipway iso\`\n`,
  );
}

async function refuseExisting(file: string): Promise<void> {
  const there = await access(file).then(
    () => true,
    () => false,
  );
  if (!there) return;
  const hint = 'name another folder with --dir, or move it away';
  const message = 'there is a spec already; it is left as it is';
  throw new InputError([fileProblem(file, 'spec-exists', message, hint)]);
}

async function ask(): Promise<StarterAnswers> {
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  try {
    const cluster = await askUntil(terminal, 'Name of the cluster', STARTER_DEFAULTS.cluster, (answer) =>
      FORMATS.hostName.pattern.test(answer) ? undefined : FORMATS.hostName.hint,
    );
    const kind = await askKind(terminal);
    const addresses =
      kind === 'ha-pair' ? await askPair(terminal) : [await askAddress(terminal, 'Its address', 'dhcp')];
    const sshKey = await askKey(terminal);
    return { cluster, kind, addresses, ...(sshKey === undefined ? {} : { sshKey }) };
  } finally {
    terminal.close();
  }
}

const KINDS = { 1: 'ha-pair', 2: 'raid1', 3: 'single' } as const;

async function askKind(terminal: Interface): Promise<StarterAnswers['kind']> {
  const question =
    '1 two nodes that replicate a volume, 2 one node with two mirrored disks, 3 one node with one disk';
  const answer = await askUntil(terminal, question, '1', (choice) =>
    /^[123]$/.test(choice) ? undefined : '1, 2 or 3',
  );
  return KINDS[answer === '2' ? 2 : answer === '3' ? 3 : 1];
}

async function askPair(terminal: Interface): Promise<readonly string[]> {
  const [first = '', second = ''] = STARTER_DEFAULTS.addresses;
  return [
    await askAddress(terminal, 'Address of node-a', first),
    await askAddress(terminal, 'Address of node-b', second),
  ];
}

async function askAddress(terminal: Interface, question: string, fallback: string): Promise<string> {
  return askUntil(terminal, question, fallback, (answer) =>
    FORMATS.interfaceAddress.pattern.test(answer) ? undefined : FORMATS.interfaceAddress.hint,
  );
}

/** A key, or the .pub file that holds it. */
async function askKey(terminal: Interface): Promise<string | undefined> {
  const question = 'SSH public key for root, or its .pub file (empty: nobody can log in)';
  const answer = await askUntil(terminal, question, '', async (given) =>
    given === '' || FORMATS.sshKey.pattern.test(await keyOf(given)) ? undefined : FORMATS.sshKey.hint,
  );
  return answer === '' ? undefined : keyOf(answer);
}

async function keyOf(given: string): Promise<string> {
  if (given.includes(' ')) return given;
  return readFile(given, 'utf8').then(
    (content) => content.trim(),
    () => given,
  );
}

/** Asks until `judge` has nothing to say; an empty answer takes the default. */
async function askUntil(
  terminal: Interface,
  question: string,
  fallback: string,
  judge: (answer: string) => string | undefined | Promise<string | undefined>,
): Promise<string> {
  for (;;) {
    const given = (await reply(terminal, `${question}${fallback === '' ? '' : ` [${fallback}]`}: `)).trim();
    const answer = given === '' ? fallback : given;
    const objection = await judge(answer);
    if (objection === undefined) return answer;
    process.stdout.write(`  ${objection}\n`);
  }
}

/** One answer. Readline leaves the question open for ever when the input ends (Ctrl-D), so that is watched for. */
async function reply(terminal: Interface, prompt: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const ended = () =>
      reject(
        new FailedError(
          'the questions were not answered, so nothing was written',
          'slipway init --yes asks none',
        ),
      );
    terminal.once('close', ended);
    terminal.question(prompt).then((answer) => {
      terminal.off('close', ended);
      resolve(answer);
    }, reject);
  });
}
