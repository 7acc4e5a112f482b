/** What the agent's steps have in common: the facts they are given, and what `explain` says about them. */
import type { Step } from '../src/engine/step.ts';
import type { NodePlan } from '../src/plan/types.ts';
import type { LayoutRecord } from '../src/storage/layout-record.ts';
import type { PeerLink } from './cluster/peer-link.ts';

export interface NodeFacts {
  /** /etc/slipway/node.json */
  readonly plan: NodePlan;
  /** /etc/slipway/layout.json; undefined when the installation left none. */
  readonly layout?: LayoutRecord;
  /** Milliseconds since the epoch: no clock may be before the time this agent was built. */
  readonly builtAt: number;
  /** The device a person chose to take the place of a disk that is gone. */
  readonly replacement?: string;
  /** How to ask the other nodes of the cluster; absent where nothing may be waited for. */
  readonly peers?: PeerLink;
}

export interface AgentStep extends Step<NodeFacts> {
  /** One or two sentences: what the check looks at. */
  readonly checks: string;
  /** What a person can do when the step fails and its apply does not help. */
  readonly byHand: string;
}
