/** The work of `slipway enrol`. */
import { dirname } from 'node:path';
import { makeFolder } from '../engine/make-folder.ts';
import { createExec } from '../host/exec.ts';
import { preflight } from '../host/tools.ts';
import { makePlan } from '../plan/plan.ts';
import type { Plan } from '../plan/types.ts';
import { KEY_MEDIUM_TOOLS, keyMediumPath, obtainKeyMedium } from '../secrets/key-medium.ts';
import { PUSH_TOOLS, type PushTarget, pushSecret } from '../secrets/push.ts';
import { loadSpec } from '../spec/load.ts';
import type { EnrolOptions, Refuse } from './enrol.ts';
import { readFencingFile } from './fencing-file.ts';
import { clusterOf, keyWords, lackingPasswords } from './iso-key.ts';
import { specFile } from './spec-file.ts';

export async function enrol(given: string | undefined, options: EnrolOptions, refuse: Refuse): Promise<void> {
  const file = specFile(given);
  const plan = makePlan((await loadSpec(file)).spec, dirname(file));
  const ha = clusterOf(plan);
  if (ha === undefined)
    return refuse(`no node of ${plan.cluster} forms a cluster, so there is no secret to share`);
  const targets = (options.ssh ?? []).map((word) => pushTarget(word, plan, refuse));
  const names = plan.nodes.map(({ name }) => name);
  const fencing = options.fencing === undefined ? {} : await readFencingFile(options.fencing, names);
  const exec = createExec();
  await preflight([...KEY_MEDIUM_TOOLS, ...(targets.length === 0 ? [] : PUSH_TOOLS)], exec);
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

/** `node-a` or `node-a=SHA256:…` */
function pushTarget(word: string, { nodes }: Plan, refuse: Refuse): PushTarget {
  const [name = '', fingerprint] = word.split(/=(.*)/s, 2);
  const node = nodes.find((one) => one.name === name);
  const address = node?.hosts.find((host) => host.name === name)?.address;
  if (node === undefined)
    return refuse(`there is no node '${name}'; there are ${nodes.map((one) => one.name).join(', ')}`);
  if (address === undefined) return refuse(`'${name}' has no fixed address to push to`);
  if (fingerprint !== undefined && !/^SHA256:[A-Za-z0-9+/]{43}$/.test(fingerprint))
    return refuse(`'${fingerprint}' is not the fingerprint of a host key; it looks like SHA256:...`);
  return { node: name, address, ...(fingerprint === undefined ? {} : { fingerprint }) };
}
