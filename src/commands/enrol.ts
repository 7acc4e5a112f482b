import type { Command } from 'commander';

export interface EnrolOptions {
  readonly out: string;
  /** `NODE` or `NODE=SHA256:…` */
  readonly ssh?: readonly string[];
  readonly fencing?: string;
}

export function registerEnrol(program: Command): void {
  program
    .command('enrol')
    .summary('make the key medium of a cluster, or push its join secret')
    .description(
      'Makes CLUSTER.key.iso with the one secret of the cluster, once; with --ssh it hands the secret to nodes as well.',
    )
    .argument('[SPEC]', 'the spec; default cluster.yaml, else the example')
    .option('--out <DIR>', 'where the key medium lies', 'dist')
    .option('--ssh <NODE...>', 'push to these nodes; NODE=SHA256:... pins the host key its console shows')
    .option('--fencing <FILE>', 'passwords of fence devices: YAML, `node: password` on each line')
    .action(async (given: string | undefined, options: EnrolOptions, command: Command) => {
      const { enrol } = await import('./enrol-nodes.ts');
      await enrol(given, options, (message) => command.error(`slipway: ${message}`, { exitCode: 1 }));
    });
}
