/** What two nodes in memory are: what a power cut takes from them, and what it leaves. */
import type { NodeFacts } from '../../postinstall/agent-step.ts';
import type { Identity, PeerLink } from '../../postinstall/cluster/peer-link.ts';
import type { Command, CommandResult } from '../../src/engine/command.ts';
import type { FakeCommand, FakeMachine } from './fake-machine.ts';

export interface FakeNode {
  readonly name: string;
  readonly machine: FakeMachine;
  readonly facts: NodeFacts;
  /** What outlives a power cut beside the files. */
  readonly disk: { generation?: string; fileSystem: boolean; strangeData: boolean };
  enabled: string[];
  /** Milliseconds the clock that date(1) shows is wrong by. It stands still: nodes here wait without time passing. */
  skew: number;
  /** What runs. */
  run: {
    drbd?: {
      connected: boolean;
      standAlone: boolean;
      primary: boolean;
      attached: boolean;
      /** What DRBD proves itself with when it connects. */
      secret: string;
    };
    /** What corosync encrypts with. */
    key?: string;
    units: string[];
    failed: string[];
    listens?: { identity: Identity; answers: Parameters<PeerLink['listen']>[2] };
  };
}

export interface FakePair {
  readonly nodes: readonly [FakeNode, FakeNode];
  /** The configuration all nodes share, and where the service is. */
  cib: string;
  service: string | undefined;
  /** Who answers a ping beside the service. */
  strangers: string[];
  /** Times `primary --force` and `create-md` were run, and by whom. */
  readonly dangerous: string[];
  /** The link between the nodes. */
  linked: boolean;
  /** corosync’s count of memberships, and the last one: how many nodes each of them saw. */
  ring: number;
  membership: string;
  /** Takes what runs on a node away, as a power cut does. */
  cut(node: FakeNode): void;
  /** Replaces what a program of one node does. */
  override(name: string, program: string, command: FakeCommand): void;
}

/** What a program does to the node it is run on, and says. */
export type FakePrograms = Readonly<
  Record<string, (pair: FakePair, node: FakeNode, command: Command) => string | Partial<CommandResult>>
>;

export const failing = (exitCode: number, stderr = '', stdout = ''): Partial<CommandResult> => ({
  exitCode,
  stderr,
  stdout,
});

export function nodeOf({ nodes }: FakePair, name: string): FakeNode {
  const node = nodes.find((one) => one.name === name);
  if (node === undefined) throw new Error(`no node ${name}`);
  return node;
}

export const otherThan = ({ nodes: [a, b] }: FakePair, node: FakeNode): FakeNode => (node === a ? b : a);
