/** The steps of every node, in the order they run. */
import type { AgentStep } from '../agent-step.ts';
import { matchInterfaces } from './match-interfaces.ts';
import { matchLayout } from './match-layout.ts';
import { matchSelinux } from './match-selinux.ts';
import { passMdGate } from './pass-md-gate.ts';
import { proveBootLoader } from './prove-boot-loader.ts';
import { replaceDisk } from './replace-disk.ts';
import { restrictSsh } from './restrict-ssh.ts';
import { setIdentity } from './set-identity.ts';
import { setTime } from './set-time.ts';
import { startFirewall } from './start-firewall.ts';
import { writeHosts } from './write-hosts.ts';

export const NODE_STEPS: readonly AgentStep[] = [
  setIdentity,
  // Before what may take days.
  restrictSsh,
  startFirewall,
  matchSelinux,
  replaceDisk,
  matchLayout,
  passMdGate,
  proveBootLoader,
  writeHosts,
  setTime,
  // Last: it may wait for a cable, and nothing of the node itself needs one.
  matchInterfaces,
];
