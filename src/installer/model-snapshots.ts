/** `snapshot`: what a thin volume holds before the installation, or after it. */
import type { CommandLine } from '../kickstart/types.ts';
import { option, placeOf, text } from './command-words.ts';
import type { ModelSnapshot, ModelVolumeGroup } from './model.ts';
import { type Refuse, targetOf } from './model-contents.ts';
import { LVM_NAME } from './model-logical-volumes.ts';
import type { StorageFacts } from './storage-facts.ts';

export function buildSnapshots(
  commands: readonly CommandLine[],
  groups: readonly ModelVolumeGroup[],
  facts: StorageFacts,
  refuse: Refuse,
): readonly ModelSnapshot[] {
  return commands
    .filter(({ name }) => name === 'snapshot')
    .map((command) => snapshotOf(command, groups, facts, refuse));
}

function snapshotOf(
  command: CommandLine,
  groups: readonly ModelVolumeGroup[],
  facts: StorageFacts,
  refuse: Refuse,
): ModelSnapshot {
  const [groupName = '', origin = ''] = targetOf(command).split('/');
  const name = text(command, '--name') ?? '';
  const when = text(command, '--when')?.toLowerCase() === 'pre-install' ? 'pre-install' : 'post-install';
  const group = groups.find((one) => one.name === groupName);
  const there = facts.groups?.find((one) => one.name === groupName)?.volumes ?? [];
  const isThin =
    when === 'pre-install'
      ? there.some((volume) => volume.name === origin && volume.segment === 'thin')
      : group?.volumes.some((volume) => volume.name === origin && volume.segment.type === 'thin') === true;
  const at = command.positionals[0] ?? command;
  if (group === undefined || (when === 'pre-install' && group.existing === undefined)) {
    refuse(
      at,
      'no-such-group',
      `no volume group ${groupName} is used`,
      `write volgroup ${groupName} --useexisting`,
    );
  } else if (!isThin) {
    refuse(
      at,
      'no-such-volume',
      `${origin} is no thin volume of ${groupName}: only those have snapshots here`,
    );
  }
  if (!LVM_NAME.test(name)) {
    refuse(option(command, '--name') ?? command, 'volume-name', `a snapshot cannot be named '${name}'`);
  } else if ([...(group?.volumes ?? []), ...there].some((volume) => volume.name === name)) {
    refuse(
      option(command, '--name') ?? command,
      'duplicate-volume',
      `${groupName} has a volume ${name} already`,
    );
  }
  return { group: groupName, origin, name, when, place: placeOf(command) };
}
