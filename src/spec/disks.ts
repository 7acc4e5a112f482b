/** What the spec says about a node's disks, in the forms the rules and the plan need. */
import type { NodeSpec } from './schema.ts';

export const IDENTITY_KINDS = ['id', 'serial', 'wwn', 'path'] as const;

export interface DiskIdentitySpec {
  readonly by: (typeof IDENTITY_KINDS)[number];
  readonly value: string;
  readonly wipe: boolean;
}

type DiskByIdentity = Extract<NodeSpec['disks'], readonly unknown[]>[number];

/** How many disks the node has for its layout, spares included. */
export function diskCountOf(node: NodeSpec): number {
  return Array.isArray(node.disks) ? node.disks.length : node.disks.count;
}

/** The identities a disk is given; a rule sees to it that there is exactly one. */
export function identitiesOf(disk: DiskByIdentity): readonly DiskIdentitySpec[] {
  return IDENTITY_KINDS.flatMap((by) => {
    const value = disk[by];
    return value === undefined ? [] : [{ by, value, wipe: disk.wipe }];
  });
}
