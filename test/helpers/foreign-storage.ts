/** Kickstarts that are none of the medium's own, on disks with and without something on them. */
import assert from 'node:assert/strict';
import { buildModel, type ModelResult } from '../../src/installer/build-model.ts';
import type { ExistingPartition, StorageModel, TargetDisk } from '../../src/installer/model.ts';
import { NO_FACTS, type StorageFacts } from '../../src/installer/storage-facts.ts';
import { brief, commandsOf } from './installer.ts';

const MIB = 1024 ** 2;
const SECTORS = 2048;

export const blank = (name: string, mib = 10_240): TargetDisk => ({
  name,
  sizeBytes: mib * MIB,
  sectorBytes: 512,
});

/** A disk with one primary partition after another, MiB each. */
export function used(
  name: string,
  label: 'gpt' | 'mbr',
  ...parts: readonly Partial<ExistingPartition & { readonly mib: number }>[]
): TargetDisk {
  let at = 1;
  const partitions = parts.map(({ mib = 1024, ...given }, index): ExistingPartition => {
    const start = at;
    at += mib;
    return {
      device: `/dev/${name}${index + 1}`,
      number: index + 1,
      role: 'primary',
      start: start * SECTORS,
      sectors: mib * SECTORS,
      type: label === 'mbr' ? '83' : '0FC63DAF-8483-4772-8E79-3D69D8477DE4',
      ...given,
    };
  });
  return { ...blank(name), table: { label, partitions } };
}

export function foreign(
  text: string,
  disks: readonly TargetDisk[],
  facts: Partial<StorageFacts> = {},
): ModelResult {
  const find = (name: string): TargetDisk | undefined =>
    disks.find((disk) => disk.name === name.replace(/^\/dev\//, ''));
  const all: StorageFacts = { ...NO_FACTS, firmware: 'uefi', fileSystem: 'xfs', own: false, disks, ...facts };
  return buildModel(commandsOf(text), find, all);
}

export function good(...given: Parameters<typeof foreign>): StorageModel {
  const { model, problems } = foreign(...given);
  assert.deepEqual(problems.map(brief), []);
  return model;
}
