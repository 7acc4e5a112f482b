import { type Command, InvalidArgumentError, Option } from 'commander';
import { registerLabProve } from './lab-prove.ts';
import type { LabReportOptions } from './lab-report.ts';
import { type UiOptions, uiOption, uiPortOption } from './ui-options.ts';

/** Ends the program with words about a mistake on its command line. */
export type Usage = (message: string) => never;

export interface LabOptions {
  /** The lab's folder. */
  readonly dir: string;
}

export interface LabUpOptions extends LabOptions, UiOptions {
  readonly nodes?: number;
  readonly firmware: 'bios' | 'uefi' | 'uefi-secure';
  readonly engine: 'qemu' | 'uml' | 'libvirt';
  /** For the engine libvirt. */
  readonly connect?: string;
  readonly bus?: 'virtio' | 'sata' | 'scsi' | 'lsi' | 'pvscsi' | 'nvme';
  readonly screen?: boolean;
  readonly dryRun?: boolean;
  readonly out: string;
}

export interface LabStatusOptions extends LabOptions {
  readonly json?: boolean;
}

export interface LabApplyOptions extends LabOptions {
  readonly step?: string;
  readonly watch?: boolean;
  readonly fresh?: boolean;
  readonly engine?: 'qemu' | 'uml';
}

export function registerLab(program: Command): void {
  const lab = program.command('lab').summary('try a cluster on virtual machines').description(ABOUT);
  // What follows the node of `lab ssh` belongs to the command there.
  lab.enablePositionalOptions();
  registerUp(lab);
  registerApply(lab);
  registerLabProve(lab, usageOf);
  registerReport(lab);
  registerViews(lab);
  registerReach(lab);
  const down = subcommand(lab, 'down').summary('end the lab and remove its disks');
  down.description(
    'Ends exactly what `lab up` has started, also when that was killed, and removes its files.',
  );
  down.action(async (options: LabOptions) => (await import('./lab-down.ts')).labDown(options));
  const keep = lab.command('keep', { hidden: true }).option('--dir <DIR>').option('--sockets <DIR>');
  keep.action(async (options: LabOptions & { readonly sockets: string }) =>
    (await import('./lab-keep.ts')).labKeep(options),
  );
}

const ABOUT =
  'Virtual machines in a network of their own. One lab at a time in DIR; it goes on until `slipway lab down`.';

const subcommand = (lab: Command, usage: string): Command =>
  lab.command(usage).option('--dir <DIR>', 'where the lab is kept', 'dist/lab');

function registerUp(lab: Command): void {
  subcommand(lab, 'up')
    .summary('build what is stale, install, and wait until every node is complete')
    .description(
      'Builds the ISO, installs the nodes from it side by side, starts them from their disks and waits until each says that it is complete. With --engine uml: bare systems from the same image, in seconds, nothing installed.',
    )
    .argument('[SPEC]', 'the spec; default cluster.yaml, else the example')
    .option('--nodes <N>', "the spec's first N nodes; with --engine uml, N nodes of no spec", positiveNumber)
    .addOption(
      new Option('--firmware <NAME>', 'what the machines start by')
        .choices(['bios', 'uefi', 'uefi-secure'])
        .default('bios'),
    )
    .addOption(
      new Option('--engine <NAME>', 'what runs the machines')
        .choices(['qemu', 'uml', 'libvirt'])
        .default('qemu'),
    )
    .option('--connect <URI>', 'where libvirt is, with --engine libvirt: qemu+ssh://root@host/system')
    .addOption(
      new Option('--bus <NAME>', 'controller of disks that the spec leaves open').choices([
        ...['virtio', 'sata', 'scsi', 'lsi', 'pvscsi', 'nvme'],
      ]),
    )
    .option('--screen', 'with graphics cards, for `lab screenshot`')
    .addOption(uiOption('nodes, steps and consoles'))
    .addOption(uiPortOption())
    .option('--out <DIR>', 'where the ISO goes', 'dist')
    .option('--dry-run', 'only say what the machines would take of this computer')
    .action(async (given: string | undefined, options: LabUpOptions, command: Command) =>
      (await import('./lab-up.ts')).labUp(given, options, usageOf(command)),
    );
}

function registerApply(lab: Command): void {
  subcommand(lab, 'apply')
    .summary('bring an edited step to the installed nodes, and verify it there')
    .description(
      "Builds the package of the agent and of the spec's own steps where they have changed, upgrades the running nodes to it and runs their agents. Exits 3 when a step fails.",
    )
    .option('--step <STEP>', 'run this step alone, once those before it hold', stepName)
    .option('--watch', 'again each time the spec or a step is saved, until Ctrl-C')
    .option('--fresh', 'on nodes that are started again as they were freshly installed')
    .addOption(
      new Option(
        '--engine <NAME>',
        'what runs the fresh nodes; default uml, which has neither firmware nor firewall',
      ).choices(['uml', 'qemu']),
    )
    .action(async (options: LabApplyOptions, command: Command) =>
      (await import('./lab-apply.ts')).labApply(options, usageOf(command)),
    );
}

function registerViews(lab: Command): void {
  subcommand(lab, 'status')
    .summary('how far each node is')
    .description(
      'On a terminal it stays as long as something moves. Exits 0 when all is well so far, 3 when not.',
    )
    .option('--json', 'as JSON on standard output')
    .action(async (options: LabStatusOptions) => (await import('./lab-status.ts')).labStatus(options));
  subcommand(lab, 'logs')
    .summary('what the consoles printed')
    .argument('[NODE]', 'one node; default all')
    .action(async (node: string | undefined, options: LabOptions, command: Command) =>
      (await import('./lab-logs.ts')).labLogs(node, options, usageOf(command)),
    );
}

function registerReport(lab: Command): void {
  lab
    .command('report')
    .summary('draw what proofs have seen once more')
    .description('From DIR/run.json: DIR/index.html, a page that needs nothing else, and DIR/junit.xml.')
    .option('--from <DIR>', 'the folder of the run', 'dist/report')
    .action(async (options: LabReportOptions) => (await import('./lab-report.ts')).labReport(options));
}

function registerReach(lab: Command): void {
  subcommand(lab, 'console')
    .summary("attach to a node's console; Ctrl-] detaches")
    .argument('<NODE>')
    .action(async (node: string, options: LabOptions, command: Command) =>
      (await import('./lab-reach.ts')).labConsole(node, options, usageOf(command)),
    );
  subcommand(lab, 'ssh')
    .summary('log in to a node, or run a command there')
    .argument('<NODE>')
    .argument('[COMMAND...]', 'after --')
    .passThroughOptions()
    .action(async (node: string, words: readonly string[], options: LabOptions, command: Command) =>
      (await import('./lab-reach.ts')).labSsh(node, words, options, usageOf(command)),
    );
  subcommand(lab, 'screenshot')
    .summary("write what is on a node's screen as PNG")
    .argument('<NODE>')
    .argument('[FILE]', 'default NODE.png')
    .action(async (node: string, file: string | undefined, options: LabOptions, command: Command) =>
      (await import('./lab-reach.ts')).labScreenshot(node, file, options, usageOf(command)),
    );
}

const usageOf =
  (command: Command): Usage =>
  (message) =>
    command.error(`error: ${message}`);

function stepName(text: string): string {
  if (!/^[a-z][a-z0-9-]*$/.test(text)) throw new InvalidArgumentError('Write the name of a step.');
  return text;
}

function positiveNumber(text: string): number {
  if (!/^[1-9]\d{0,2}$/.test(text)) throw new InvalidArgumentError('Write a number from 1.');
  return Number(text);
}
