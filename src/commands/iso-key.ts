/** The key medium of a cluster, made beside its ISO. */
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { nodesWithFenceSecret } from '../../postinstall/cluster/fence-devices.ts';
import { makeFolder } from '../engine/make-folder.ts';
import type { HaPlan, JoinSecret, Plan } from '../plan/types.ts';
import { KEY_MEDIUM_TOOLS, keyMediumPath, obtainKeyMedium } from '../secrets/key-medium.ts';
import type { Task } from '../task/task.ts';

export interface KeyOrder {
  readonly cluster: string;
  readonly ha: HaPlan;
  /** Folder of the results. */
  readonly out: string;
}

export interface KeyResult {
  readonly path: string;
  readonly made: boolean;
  /** Nodes whose fence device asks for a password that is not on the medium. */
  readonly lacking: readonly string[];
}

/** What the members of a plan's cluster share; undefined where every node is by itself. */
export const clusterOf = ({ nodes }: Pick<Plan, 'nodes'>): HaPlan | undefined =>
  nodes.find(({ ha }) => ha !== undefined)?.ha;

export const lackingPasswords = ({ fencing }: HaPlan, secret: JoinSecret): readonly string[] =>
  nodesWithFenceSecret(fencing).filter((node) => !secret.fencing[node]);

/** Makes the medium once and keeps it: a cluster that was formed goes on with its secret. */
export const keyTask: Task<KeyOrder, KeyResult> = {
  name: 'key',
  title: 'Make the key medium',
  tools: KEY_MEDIUM_TOOLS,
  async run({ cluster, ha, out }, { exec, preview }, say) {
    const path = keyMediumPath(out, cluster);
    if (preview === true && !existsSync(path)) {
      say(`${path} would be made with a new join secret`);
      return { path, made: true, lacking: nodesWithFenceSecret(ha.fencing) };
    }
    await makeFolder(dirname(path));
    const { secret, made } = await obtainKeyMedium(exec, path, cluster);
    return { path, made, lacking: lackingPasswords(ha, secret) };
  },
  summary: ({ path, made }) => (made ? path : 'kept'),
};

/** For people: what the medium is for, and what it still lacks. */
export function keyWords({ path, made, lacking }: KeyResult): readonly string[] {
  return [
    `${path}: ${made ? 'made; whoever holds it can join the cluster, so keep it apart from the ISO' : 'kept'}`,
    ...lacking.map(
      (node) => `${path}: holds no password for the fence device of ${node}; slipway enrol --fencing adds it`,
    ),
  ];
}
