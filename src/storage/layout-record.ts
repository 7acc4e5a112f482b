/**
 * `/etc/slipway/layout.json`: what the installation really made, re-read from the disks and not copied from the
 * plan. Every identity the agent later holds a machine against is in here.
 */
import type { Machine } from '../engine/machine.ts';

export const LAYOUT_RECORD_PATH = '/etc/slipway/layout.json';

export interface LayoutRecord {
  readonly version: 1;
  readonly node: string;
  readonly kind: 'single' | 'raid1';
  readonly firmware: 'bios' | 'uefi';
  readonly disks: readonly DiskRecord[];
  readonly arrays: readonly ArrayRecord[];
  readonly fileSystems: readonly FileSystemRecord[];
}

export interface DiskRecord {
  /** Stable names below /dev/disk/by-id; empty when the disk has none. */
  readonly ids: readonly string[];
  readonly serial?: string;
  readonly wwn?: string;
  readonly sizeBytes: number;
  /** GUID of the partition table. */
  readonly tableUuid: string;
  readonly partitions: readonly PartitionRecord[];
}

export interface PartitionRecord {
  readonly role: string;
  readonly number: number;
  readonly gptName: string;
  readonly partUuid: string;
  readonly typeGuid: string;
  /** In 512-byte sectors. */
  readonly start: number;
  readonly sectors: number;
}

export interface ArrayRecord {
  readonly role: string;
  readonly name: string;
  /** As mdadm prints it: four groups of eight hex digits joined by colons. */
  readonly uuid: string;
  readonly level: string;
  readonly metadata: string;
  readonly raidDisks: number;
  /** PARTUUIDs of the members. */
  readonly members: readonly string[];
}

export interface FileSystemRecord {
  readonly role: string;
  readonly uuid: string;
  readonly type: string;
  readonly mountPoint?: string;
}

/** Reads the record; undefined when the node has none. Rejects when it is not a layout record. */
export async function readLayoutRecord(machine: Machine): Promise<LayoutRecord | undefined> {
  const text = await machine.readFile(LAYOUT_RECORD_PATH);
  if (text === undefined) return undefined;
  const record: LayoutRecord = JSON.parse(text);
  if (record.version !== 1)
    throw new Error(`${LAYOUT_RECORD_PATH}: unknown version ${String(record.version)}`);
  return record;
}
