/** What a lab would consist of, and what that takes of this computer. */
import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { checkRoom, describeNeeds, describeRoom, type Need, needOf, roomFor } from '../lab/capacity.ts';
import {
  type LabEngine,
  type LabNode,
  type LabPlan,
  type LabWishes,
  planBareLab,
  planLab,
} from '../lab/lab-plan.ts';
import { isLocal } from '../lab/libvirt-lab.ts';
import { makePlan } from '../plan/plan.ts';
import type { Plan } from '../plan/types.ts';
import { loadSpec } from '../spec/load.ts';
import type { LabUpOptions, Usage } from './lab.ts';

/** The work of `slipway lab up --dry-run`. @throws {MissingError} when there is no room for it. */
export async function previewLab(file: string, options: LabUpOptions, usage: Usage): Promise<void> {
  const plan = makePlan((await loadSpec(file)).spec, dirname(file));
  requireNodes(plan, options, usage);
  const given = { publicKey: '', volumes: [], cpus: 1, atOnce: 1 };
  const engine = unbuilt(options);
  const needs = needsOf(makeLab(plan, engine, options, given).nodes, options.engine);
  if (!isHere(engine)) return void process.stdout.write(`${describeNeeds(needs)}\n`);
  const place = firstThere(resolve(options.dir));
  const room = await roomFor(place, options.engine);
  process.stdout.write(`${describeRoom(needs, room, place)}\n`);
  checkRoom(needs, room, place);
}

/** Stands for an engine before anything of it is built. */
const unbuilt = ({ engine, connect = '' }: LabUpOptions): LabEngine =>
  (
    ({
      qemu: { kind: 'qemu', acceleration: 'tcg', iso: '' },
      uml: { kind: 'uml', images: { initrd: '', modules: '' }, squashfs: '' },
      libvirt: { kind: 'libvirt', acceleration: 'tcg', iso: '', uri: connect, id: '' },
    }) as const
  )[engine];

/** Whether its machines take of this computer; another host's room is not ours to measure. */
export const isHere = (engine: LabEngine): boolean => engine.kind !== 'libvirt' || isLocal(engine.uri);

/** The folder itself, or the nearest above it that is there. */
const firstThere = (dir: string): string => (existsSync(dir) ? dir : firstThere(dirname(dir)));

export function requireNodes(plan: Plan, { nodes, engine }: LabUpOptions, usage: Usage): void {
  if (nodes === undefined) return;
  if (engine !== 'uml' && nodes > plan.nodes.length) {
    usage(`${plan.cluster} has ${plan.nodes.length} nodes, not ${nodes}`);
  }
  if (nodes > MOST_BARE_NODES) usage(`--nodes takes at most ${MOST_BARE_NODES}`);
}

/** Addresses in their subnet. */
const MOST_BARE_NODES = 200;

/** A lab by the words of the command line, and what only its folder knows. */
export function makeLab(
  plan: Plan,
  engine: LabEngine,
  options: LabUpOptions,
  given: Pick<LabWishes, 'publicKey' | 'volumes' | 'cpus' | 'atOnce'>,
): LabPlan {
  const { nodes, bus, firmware, screen = false } = options;
  const wishes: LabWishes = {
    ...given,
    dir: resolve(options.dir),
    firmware,
    screen,
    ...(nodes === undefined ? {} : { nodes }),
    ...(bus === undefined ? {} : { bus }),
  };
  return engine.kind === 'uml' && nodes !== undefined
    ? planBareLab(nodes, engine, wishes)
    : planLab(plan, engine, wishes);
}

export const needsOf = (nodes: readonly LabNode[], engine: LabEngine['kind']): readonly Need[] =>
  nodes.map(({ machine }) => needOf(engine, machine.memoryMiB, machine.disks.length));
