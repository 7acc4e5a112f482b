/** Nodes that form a cluster: installed, complete together, and one takes over when the other loses its power. */
import type { HaPlan } from '../../plan/types.ts';
import type { LabMachine, LabMachineSpec } from '../engine.ts';
import { seedCredential, seedScript } from '../node-seed.ts';
import { installFrom } from '../run-node.ts';
import { Wire } from '../wire.ts';
import type { InstalledComputer } from './computer.ts';
import { Disproof, type PlannedCell, type ProofGroup } from './proof.ts';
import { LIMIT, type Stage } from './stage.ts';

const FAILOVER = 'failover';

/** Milliseconds: two emulated nodes replicate their volume for the first time, and try a move of the service. */
const FORM_MS = 30 * 60_000;
/** Milliseconds until the service has to be on the other node. */
const TAKE_OVER_MS = 5 * 60_000;

/** `computers`: all nodes of the cluster, in its order. */
export function failover(ha: HaPlan, computers: readonly InstalledComputer[]): ProofGroup | undefined {
  const [first, ...others] = computers;
  if (first === undefined || ha.vip === undefined) return undefined;
  const nodes: Stage[] = [];
  const cell = (
    id: string,
    column: string,
    after: string | undefined,
    prove: PlannedCell['prove'],
  ): PlannedCell => ({
    ...{ id: `${FAILOVER}/${id}`, proof: FAILOVER, row: first.start.title, column, prove },
    seconds: 250,
    ...(after === undefined ? {} : { after: `${FAILOVER}/${after}` }),
  });
  return {
    computer: first,
    machines: computers.length,
    prepare: async (stage) => {
      nodes.push(stage);
      for (const computer of others) nodes.push(await stage.beside(computer));
    },
    cells: [
      cell('installs', 'each node installs', undefined, () => installAll(nodes)),
      cell('complete', 'all nodes are complete', 'installs', () => formCluster(nodes)),
      cell('power-cut', 'the node that serves loses its power', 'complete', () => cutServing(nodes, ha)),
    ],
  };
}

async function installAll(nodes: readonly Stage[]): Promise<void> {
  for (const stage of nodes) {
    const { iso, start, install } = stage.computer;
    await stage.power({ medium: { kind: start.medium, file: iso } }, async (machine) => {
      stage.shows(await installFrom(machine, stage.node, install, LIMIT));
    });
  }
}

/** Kept: what follows starts from a cluster that has been complete once. */
async function formCluster(nodes: readonly Stage[]): Promise<void> {
  await powerAll(
    nodes,
    () => ({}),
    async (machines) => {
      await Promise.all(
        machines.map(({ stage, machine }) =>
          stage.expect(machine, new RegExp(`slipway: complete ${stage.node}$`), FORM_MS),
        ),
      );
      // One after the other, as people do it: the service has somewhere to go for as long as possible.
      for (const { stage, machine } of machines) await stage.switchOff(machine, TAKE_OVER_MS);
    },
  );
}

/** The other one has address and data, and in the data what the first one wrote. */
async function cutServing(nodes: readonly Stage[], ha: HaPlan): Promise<void> {
  const watched = (stage: Stage): Partial<LabMachineSpec> => ({
    oemStrings: [seedCredential(...watchStep(stage.node, ha))],
  });
  await powerAll(nodes, watched, async (machines) => {
    for (const { stage, machine } of machines) {
      await machine.waitForLine(new RegExp(`slipway: complete ${stage.node}$`), FORM_MS);
    }
    const serving = await findServing(machines);
    const others = machines.filter(({ machine }) => machine !== serving.machine);
    serving.stage.shows(`${serving.stage.node} serves, and loses its power`);
    await serving.machine.end();
    const data = ha.replication === undefined ? '' : `.* data of .*\\b${serving.stage.node}\\b`;
    const takeOver = (name: string): RegExp => new RegExp(`proof: ${name} serves${data}`);
    await Promise.any(
      others.map(({ stage, machine }) => stage.expect(machine, takeOver(stage.node), TAKE_OVER_MS)),
    ).catch((error: unknown) => {
      throw error instanceof AggregateError ? error.errors[0] : error;
    });
  });
}

interface Running {
  readonly stage: Stage;
  readonly machine: LabMachine;
}

/** The first node that says so; the others say that they stand by. */
async function findServing(machines: readonly Running[]): Promise<Running> {
  for (const running of machines) {
    const { stage, machine } = running;
    const line = await machine.waitForLine(
      new RegExp(`proof: ${stage.node} (?:serves|stands by)`),
      TAKE_OVER_MS,
    );
    if (line.includes(' serves')) return running;
  }
  throw new Disproof('the cluster is complete, and no node serves');
}

/** Switches all of them on, on one wire, and off again in the end. */
async function powerAll(
  nodes: readonly Stage[],
  change: (stage: Stage) => Partial<LabMachineSpec>,
  use: (machines: readonly Running[]) => Promise<void>,
): Promise<void> {
  const wire = await Wire.lay();
  const from = async (rest: readonly Stage[], running: readonly Running[]): Promise<void> => {
    const [stage, ...others] = rest;
    if (stage === undefined) return use(running);
    const cards = stage.computer.machine.nics.map(async ({ mac }) => ({ mac, wire: await wire.plug() }));
    const nics = await Promise.all(cards);
    return stage.power({ ...change(stage), nics }, (machine) =>
      from(others, [...running, { stage, machine }]),
    );
  };
  try {
    await from(nodes, []);
  } finally {
    wire.remove();
  }
}

/**
 * A step of the user's, after all others, that starts a watcher: it says on the console when this node has the address, and
 * who has written to the replicated volume while it served; or else that it stands by.
 */
function watchStep(node: string, { vip, replication }: HaPlan): readonly string[] {
  const dir = '/usr/lib/slipway/steps/zz-watch';
  const file = `${replication?.mountPoint ?? '/run'}/served-by`;
  const serves = [
    `ip -4 -o address show | grep -q ' ${vip?.address}/'`,
    ...(replication === undefined ? [] : [`mountpoint -q ${replication.mountPoint}`]),
  ].join(' && ');
  const report = `echo ${node} >>${file} && sync ${file} && echo "proof: ${node} serves, data of" $(sort -u ${file}) >/dev/ttyS0`;
  const standBy = `echo 'proof: ${node} stands by' >/dev/ttyS0`;
  return [
    `d ${dir} 0755 - - -`,
    // 1 says that there is something to do; systemctl's own codes would be errors.
    seedScript(
      `${dir}/check`,
      "systemctl is-active --quiet slipway-proof-watch || { echo 'nobody watches'; exit 1; }",
    ),
    seedScript(
      `${dir}/apply`,
      'systemctl reset-failed slipway-proof-watch 2>/dev/null\nsystemd-run --quiet --unit=slipway-proof-watch /usr/lib/slipway/steps/zz-watch/watch',
    ),
    seedScript(`${dir}/watch`, `while sleep 5; do if ${serves}; then ${report}; else ${standBy}; fi; done`),
  ];
}
