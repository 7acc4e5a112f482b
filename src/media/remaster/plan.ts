/** What a vendor's medium becomes: which files change and into what, worked out before anything is written. Pure. */
import { FailedError } from '../../errors/exit.ts';
import type { Plan } from '../../plan/types.ts';
import { ENTRY_BY_MAC, ENTRY_DISK, installChoice } from '../boot-menu.ts';
import { editGrubMenu } from '../menu/grub-edit.ts';
import { editIsolinuxMenu } from '../menu/isolinux-edit.ts';
import { editParameters } from '../menu/parameters.ts';
import { DISK_ENTRY, type MenuChange, type NodeEntry } from '../menu/types.ts';
import { MEDIUM } from '../types.ts';
import type { BootConfig, FatImage, VendorMedium } from '../vendor/medium.ts';

export interface RemasterWishes {
  readonly plan: Plan;
  /** The medium's new volume id; undefined keeps the vendor's. */
  readonly volumeId: string | undefined;
  /** Whether a node's entry has the installer check the medium first. */
  readonly checkMedium: boolean;
}

export interface RemasterPlan {
  readonly change: MenuChange;
  /** Configurations of the tree with their new texts (Latin-1). */
  readonly configs: readonly ChangedConfig[];
  readonly fatImages: readonly ChangedFatImage[];
}

export interface ChangedConfig {
  readonly path: string;
  readonly before: string;
  readonly after: string;
}

export interface ChangedFatImage {
  readonly image: FatImage;
  readonly configs: readonly ChangedConfig[];
}

/**
 * Works out every change to every boot configuration.
 * @throws {InputError} for a menu that cannot be read. @throws {FailedError} when the medium cannot do what is asked.
 */
export function planRemaster(medium: VendorMedium, wishes: RemasterWishes): RemasterPlan {
  const change = menuChange(medium, wishes);
  const changed = (config: BootConfig): ChangedConfig => ({
    path: config.path,
    before: config.text,
    after: editConfig(config, change),
  });
  return {
    change,
    configs: medium.configs.map(changed),
    fatImages: medium.fatImages.map((image) => ({ image, configs: image.configs.map(changed) })),
  };
}

function menuChange(medium: VendorMedium, { plan, volumeId, checkMedium }: RemasterWishes): MenuChange {
  return {
    nodes: plan.nodes.map((node) => ({
      id: entryId(node.name),
      ...installChoice(node),
      kickstart: MEDIUM.kickstart(node.name),
    })),
    defaultId: defaultId(plan),
    timeoutSeconds: plan.media.timeoutSeconds,
    label: { from: medium.volumeId, to: volumeId ?? medium.volumeId },
    checkMedium,
  };
}

/** isolinux takes it for a label, so no colon as in our own menu. */
const entryId = (node: string): string => `slipway-node-${node}`;

function defaultId({ media, nodes }: Plan): string {
  if (media.default === ENTRY_DISK) return DISK_ENTRY;
  if (media.default === ENTRY_BY_MAC) {
    throw new FailedError(
      "a vendor's installer cannot choose a node by its MAC address",
      'set media.default to disk or to a node',
    );
  }
  if (nodes.some(({ name }) => name === media.default)) return entryId(media.default);
  throw new RangeError(`the boot menu's default '${media.default}' is no node of the plan`);
}

function editConfig({ syntax, text, path }: BootConfig, change: MenuChange): string {
  switch (syntax) {
    case 'grub':
      return editGrubMenu(text, path, change);
    case 'isolinux':
      return editIsolinuxMenu(text, path, change);
    case 'parameters':
      return editParameters(text, onlyChoice(change), change);
  }
}

/** A parameter file is no menu: it can hold one node. */
function onlyChoice({ nodes, defaultId: chosen }: MenuChange): NodeEntry {
  const node = nodes.find(({ id }) => id === chosen) ?? (nodes.length === 1 ? nodes[0] : undefined);
  if (node !== undefined) return node;
  throw new FailedError(
    'a medium for s390x has no boot menu and installs one node',
    'set media.default to that node',
  );
}
