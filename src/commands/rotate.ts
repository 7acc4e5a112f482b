import type { Command } from 'commander';

export interface RotateOptions {
  readonly out: string;
  /** `NODE` or `NODE=SHA256:…`; every node of the cluster, where it is given. */
  readonly ssh?: readonly string[];
  readonly dryRun?: boolean;
  readonly lost?: boolean;
}

export function registerRotate(program: Command): void {
  program
    .command('rotate')
    .summary('renew the secrets of a running cluster')
    .description(
      'Looks at every node over SSH, says what will be done, and gives the cluster a new join secret and all that ' +
        'follows from it, while the service runs. Whatever interrupts it, the same command finishes it.',
    )
    .argument('[SPEC]', 'the spec; default cluster.yaml, else the example')
    .option('--out <DIR>', 'where the key medium lies', 'dist')
    .option('--ssh <NODE...>', 'the nodes, all of them; NODE=SHA256:... pins a host key')
    .option('--dry-run', 'look and say what would be done')
    .option('--lost', 'the key medium is lost: go on without it, and without the passwords on it')
    .action(async (given: string | undefined, options: RotateOptions, command: Command) => {
      const { rotateSecrets } = await import('./rotate-nodes.ts');
      await rotateSecrets(given, options, (message) => command.error(`slipway: ${message}`, { exitCode: 1 }));
    });
}
