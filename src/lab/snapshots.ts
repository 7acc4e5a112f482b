/**
 * The freshly installed state of a lab's nodes: their disks as the installer left them, never written to again. What a
 * node writes from its first start on goes into copy-on-write files beside them, one set for each engine, and without
 * these files it is freshly installed once more.
 */
import { existsSync } from 'node:fs';
import { copyFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { LabDisk, LabMachineSpec, SeedFile } from './engine.ts';
import type { LabEngine } from './lab-plan.ts';

type EngineKind = Exclude<LabEngine['kind'], 'libvirt'>;

const ENGINES: readonly EngineKind[] = ['qemu', 'uml'];

/** MiB; see {@link umlOnSnapshot}. */
const UML_LEAST_MEMORY = 512;

/** Says that the installation went through, and that the snapshot is therefore worth something. */
const markOf = ({ consoleLog }: LabMachineSpec): string => join(dirname(consoleLog), 'installed');

/** UEFI's variables as the installer left them; without UEFI there are none. */
const variablesOf = (efiVars: string): string => `${efiVars}.installed`;

const changesOf = ({ file }: LabDisk, engine: EngineKind): string =>
  file.replace(/(\.raw)?$/, engine === 'qemu' ? '.qcow2' : '.cow');

/** Makes what the installer has left the snapshot; the machine must be off. */
export async function takeSnapshot(spec: LabMachineSpec): Promise<void> {
  const { efiVars } = spec;
  if (efiVars !== undefined && existsSync(efiVars)) await copyFile(efiVars, variablesOf(efiVars));
  await writeFile(markOf(spec), '');
}

export const hasSnapshot = (spec: LabMachineSpec): boolean => existsSync(markOf(spec));

/** Forgets all that was written since; the machine must be off, whichever engine it ran on. */
export async function revertToSnapshot({ disks, efiVars }: LabMachineSpec): Promise<void> {
  const written = disks.flatMap((disk) => ENGINES.map((engine) => changesOf(disk, engine)));
  for (const file of written) await rm(file, { force: true });
  if (efiVars !== undefined && existsSync(variablesOf(efiVars))) {
    await copyFile(variablesOf(efiVars), efiVars);
  }
}

/** The machine on its snapshot, under QEMU. */
export const qemuOnSnapshot = (spec: LabMachineSpec): LabMachineSpec => ({
  ...spec,
  disks: onChanges(spec.disks, 'qemu'),
});

/**
 * The machine on its snapshot, under User-Mode Linux: the installed system on another kernel, without firmware and boot
 * loader. `seed` is put in at each start. A guest with less memory than this kills corosync; what it does not use costs
 * nothing.
 */
export const umlOnSnapshot = (spec: LabMachineSpec, seed: readonly SeedFile[]): LabMachineSpec => ({
  name: spec.name,
  memoryMiB: Math.max(spec.memoryMiB, UML_LEAST_MEMORY),
  cpus: 1,
  firmware: 'bios',
  disks: onChanges(spec.disks, 'uml'),
  ...(spec.volumes === undefined ? {} : { volumes: spec.volumes }),
  nics: spec.nics,
  consoleLog: spec.consoleLog,
  root: { kind: 'installed', seed },
});

const onChanges = (disks: readonly LabDisk[], engine: EngineKind): readonly LabDisk[] =>
  disks.map((disk) => ({ ...disk, changes: changesOf(disk, engine) }));
