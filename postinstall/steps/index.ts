/** The steps of every node, in the order they run. */
import type { AgentStep } from '../agent-step.ts';
import { matchLayout } from './match-layout.ts';
import { passMdGate } from './pass-md-gate.ts';
import { proveBootLoader } from './prove-boot-loader.ts';
import { replaceDisk } from './replace-disk.ts';
import { setIdentity } from './set-identity.ts';
import { setTime } from './set-time.ts';
import { writeHosts } from './write-hosts.ts';

export const NODE_STEPS: readonly AgentStep[] = [
  setIdentity,
  replaceDisk,
  matchLayout,
  passMdGate,
  proveBootLoader,
  writeHosts,
  setTime,
];
