/** The work of `slipway enrol`. */
import { dirname } from 'node:path';
import { makeFolder } from '../engine/make-folder.ts';
import { createExec } from '../host/exec.ts';
import { preflight } from '../host/tools.ts';
import { makePlan } from '../plan/plan.ts';
import { KEY_MEDIUM_TOOLS, keyMediumPath, obtainKeyMedium } from '../secrets/key-medium.ts';
import { SSH_TOOLS } from '../secrets/node-shell.ts';
import { pushSecret } from '../secrets/push.ts';
import { loadSpec } from '../spec/load.ts';
import type { EnrolOptions } from './enrol.ts';
import { readFencingFile } from './fencing-file.ts';
import { clusterOf, keyWords, lackingPasswords } from './iso-key.ts';
import { nodeTarget, type Refuse } from './node-target.ts';
import { specFile } from './spec-file.ts';

export async function enrol(given: string | undefined, options: EnrolOptions, refuse: Refuse): Promise<void> {
  const file = specFile(given);
  const plan = makePlan((await loadSpec(file)).spec, dirname(file));
  const ha = clusterOf(plan);
  if (ha === undefined)
    return refuse(`no node of ${plan.cluster} forms a cluster, so there is no secret to share`);
  const targets = (options.ssh ?? []).map((word) => nodeTarget(word, plan, refuse));
  const names = plan.nodes.map(({ name }) => name);
  const fencing = options.fencing === undefined ? {} : await readFencingFile(options.fencing, names);
  const exec = createExec();
  await preflight([...KEY_MEDIUM_TOOLS, ...(targets.length === 0 ? [] : SSH_TOOLS)], exec);
  await makeFolder(options.out);
  const path = keyMediumPath(options.out, plan.cluster);
  const { secret, made } = await obtainKeyMedium(exec, path, plan.cluster, fencing);
  const lacking = lackingPasswords(ha, secret);
  for (const line of keyWords({ path, made, lacking })) process.stdout.write(`${line}\n`);
  for (const target of targets) {
    await pushSecret(exec, target, secret);
    process.stdout.write(`${target.node}: has the join secret\n`);
  }
}
