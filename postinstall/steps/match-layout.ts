import { StepFailure } from '../../src/engine/failure.ts';
import { compareLayout } from '../../src/storage/compare-layout.ts';
import { LAYOUT_RECORD_PATH } from '../../src/storage/layout-record.ts';
import { observe } from '../../src/storage/observe.ts';
import type { AgentStep } from '../agent-step.ts';

/**
 * The disks are the ones this node was installed on. A disk that is absent is said and left to the md gate; one that is
 * there and is something else stops everything, for what comes later would write to it.
 */
export const matchLayout: AgentStep = {
  id: 'match-layout',
  title: 'Storage layout',
  after: ['replace-disk'],
  checks: `Partition tables, GPT names, PARTUUIDs, array and file system UUIDs are those of ${LAYOUT_RECORD_PATH}.`,
  byHand: 'Attach the disks the node was installed on; if you replaced one on purpose, see docs/agent.md.',

  async check(machine, { plan, layout }) {
    if (layout === undefined) {
      throw new StepFailure(
        'config-invalid',
        `${LAYOUT_RECORD_PATH}: there is no such file`,
        'slipway-agent record-layout',
      );
    }
    if (layout.node !== plan.name) {
      throw new StepFailure(
        'refused-foreign-data',
        `${LAYOUT_RECORD_PATH} was recorded on ${layout.node}, this node is ${plan.name}`,
      );
    }
    const { present, absent, different } = await compareLayout(machine, layout, await observe(machine));
    if (different.length > 0) {
      throw new StepFailure(
        'refused-foreign-data',
        different.join('; '),
        'attach the disks this node was installed on; nothing was written',
      );
    }
    return { done: true, evidence: { present, absent } };
  },

  async apply() {
    throw new StepFailure('refused-foreign-data', 'a layout that differs is never changed by the agent');
  },
};
