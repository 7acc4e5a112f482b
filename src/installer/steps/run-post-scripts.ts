import type { Step } from '../../engine/step.ts';
import type { Section } from '../../kickstart/types.ts';
import type { Installation } from '../installation.ts';
import { runScript } from '../scripts.ts';

/**
 * A script's effect is its own affair, so all that can be checked is that it ran to its end, in this very run: the
 * steps below keep that in memory and nowhere else, and an installation that starts again runs every script again.
 */
function scriptStep(
  id: string,
  title: string,
  after: readonly string[],
  scripts: (installation: Installation) => readonly Section[],
): Step<Installation> {
  const ran = new Set<Section>();
  return {
    id,
    title,
    after,
    timeoutSeconds: 3600,
    async check(_machine, installation) {
      const next = scripts(installation).find((section) => !ran.has(section));
      if (next !== undefined) return { done: false, why: `%${next.name} at line ${next.line} has not run` };
      return { done: true, evidence: { scripts: ran.size } };
    },
    async apply(machine, installation, say) {
      for (const section of scripts(installation)) {
        if (ran.has(section)) continue;
        await runScript(machine, section, say);
        ran.add(section);
      }
    },
  };
}

/** %pre-install: the target is mounted and still empty. */
export const runPreInstallScripts = (): Step<Installation> =>
  scriptStep(
    'run-pre-install-scripts',
    'Run the %pre-install scripts',
    ['mount-target'],
    ({ preInstall }) => preInstall,
  );

/** %post, in the order of the file. */
export const runPostScripts = (): Step<Installation> =>
  scriptStep('run-post-scripts', 'Run the %post scripts', ['install-boot-loader'], ({ post }) => post);
