/** The plans of two nodes that form a pair. */
import { createHash } from 'node:crypto';
import type { HaPlan, JoinSecret, NodePlan } from '../../src/plan/types.ts';
import { PARTITION_TYPE, SPLIT_BRAIN_ACCEPTED } from '../../src/plan/types.ts';

export const CLUSTER = 'pair';

export const member = (id: number): HaPlan['members'][number] => ({
  name: `n${id}`,
  id,
  links: [`10.77.0.1${id}`],
  replication: `10.77.0.1${id}`,
});

export const HA: HaPlan = {
  members: [member(1), member(2)],
  replication: { resource: 'slipway', port: 7788, fileSystem: 'ext4', mountPoint: '/srv/data' },
  fencing: { kind: 'none', accepted: SPLIT_BRAIN_ACCEPTED },
  vip: { address: '10.77.0.100', prefixLength: 24 },
  services: [],
};

/** A node without disks of its own beside the clustered partition, as far as its plan goes. */
export function memberPlan(name: string, ha: HaPlan = HA): NodePlan {
  const rank = ha.members.findIndex((one) => one.name === name);
  return {
    version: 1,
    cluster: CLUSTER,
    name,
    index: rank,
    role: ha.replication === undefined ? 'cluster' : 'ha-pair',
    rank,
    locale: 'C.UTF-8',
    keyboard: 'us',
    timezone: 'Etc/UTC',
    timeServers: [],
    nameServers: [],
    interfaces: [],
    hosts: ha.members.map(({ name: host, links }) => ({ name: host, address: links[0] })),
    access: { sshKeys: [] },
    disks: { kind: 'matching', count: 1, match: {}, wipe: false },
    layout: {
      kind: 'single',
      firmware: ['bios'],
      diskCount: 1,
      spares: 0,
      partitions: [
        {
          role: 'clustered',
          gptName: 'slipway-clustered',
          sizeMiB: 64,
          grow: false,
          typeGuid: PARTITION_TYPE.linux,
        },
      ],
      arrays: [],
      volumes: [],
      minimumDiskMiB: 96,
    },
    afterInstall: 'reboot',
    kernelArgs: [],
    ha,
  };
}

/** A join secret for tests: not random, so that what follows from it can be written down. */
export const joinSecret = (
  cluster = CLUSTER,
  word = 'test',
  fencing: JoinSecret['fencing'] = {},
): JoinSecret => ({
  version: 1,
  cluster,
  secret: createHash('sha256').update(word).digest('hex'),
  fencing,
});
