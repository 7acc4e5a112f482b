/** `slipway init --step NAME`: a step of one's own that works as it stands, to be changed. */
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { fileProblem, InputError } from '../errors/problem.ts';
import { FORMATS } from '../spec/formats.ts';
import { writeResult } from './write-result.ts';

/** Writes DIR/steps/NAME with `check`, `apply` and `step.yaml`. Rejects with {@link InputError} when it is there already. */
export async function initStep(name: string, dir: string): Promise<void> {
  const folder = join(dir, 'steps', name);
  const refuse = (rule: string, message: string, hint: string): never => {
    throw new InputError([fileProblem(folder, rule, message, hint)]);
  };
  if (!FORMATS.hostName.pattern.test(name))
    refuse('bad-step', `'${name}' cannot be a step's name`, FORMATS.hostName.hint);
  const isThere = await access(folder).then(
    () => true,
    () => false,
  );
  if (isThere)
    refuse('step-exists', 'there is such a step already; it is left as it is', 'choose another name');
  for (const [file, text, mode] of stepFiles(name)) await writeResult(join(folder, file), text, mode);
  process.stdout.write(
    `wrote ${folder}/check, apply and step.yaml\n` +
      'next: change both programs, put `steps: ./steps` into cluster.yaml, then `slipway check` and `slipway iso`\n',
  );
}

/** Name, text and mode of each file. The step keeps a file with the names of the cluster's nodes. */
function stepFiles(name: string): readonly (readonly [file: string, text: string, mode: number])[] {
  return [
    ['check', CHECK.replaceAll('NAME', name), 0o755],
    ['apply', APPLY.replaceAll('NAME', name), 0o755],
    ['step.yaml', SETTINGS.replaceAll('NAME', name), 0o644],
  ];
}

const SETTINGS = `# All keys are optional.
title: NAME
# after: [another-step]     # steps of yours that must be verified first; those of the agent always are
timeout: 60 s               # for check, apply and check together
`;

const CHECK = `#!/bin/sh
# Only looks, at every boot, before and after 'apply'.
#   exit 0   it is so; the last line is kept as evidence
#   exit 1   it is not so; the last line says why, and 'apply' is run
#   others   an error: the run stops here
# Facts: {"node": ..., "cluster": ..., "layout": ...} as JSON on standard input, and SLIPWAY_NODE, SLIPWAY_CLUSTER,
# SLIPWAY_ROLE, SLIPWAY_RANK, SLIPWAY_INDEX, SLIPWAY_STEP, SLIPWAY_HOSTS ("name=address name=address") as variables.
# Any language will do; Node is at /usr/lib/slipway/runtime/bin/node.
set -eu
file=/etc/NAME.hosts
# shellcheck disable=SC2086 # one line for each word
wanted=$(printf '%s\\n' $SLIPWAY_HOSTS)
if [ ! -e "$file" ]; then
  echo "there is no $file"
  exit 1
fi
if [ "$(cat "$file")" != "$wanted" ]; then
  echo "$file does not name the nodes of $SLIPWAY_CLUSTER"
  exit 1
fi
echo "$file is right"
`;

const APPLY = `#!/bin/sh
# Makes it so. Afterwards 'check' is asked again: only that counts. The power may go at any instant, so a file is
# written whole under another name, put on the disk, and renamed.
set -eu
file=/etc/NAME.hosts
# shellcheck disable=SC2086 # one line for each word
printf '%s\\n' $SLIPWAY_HOSTS > "$file.new"
sync "$file.new"
mv "$file.new" "$file"
`;
