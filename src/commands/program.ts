import { Command } from 'commander';
import { packageVersion } from '../host/package-root.ts';
import { registerAudit } from './audit.ts';
import { registerCheck } from './check.ts';
import { registerDiff } from './diff.ts';
import { registerEnrol } from './enrol.ts';
import { registerInit } from './init.ts';
import { registerIso } from './iso.ts';
import { registerLab } from './lab.ts';
import { registerLint } from './lint.ts';
import { registerPlan } from './plan.ts';
import { registerRender } from './render.ts';
import { registerRotate } from './rotate.ts';
import { registerSchema } from './schema.ts';
import { registerVerify } from './verify.ts';
import { registerWrite } from './write.ts';

/**
 * The command line, declared but not loaded: each register function only names its options and imports the work when
 * it is asked for, which keeps `slipway --help` quick.
 */
export function createProgram(): Command {
  const program = new Command('slipway')
    .description('One declarative spec in; kickstarts, RPMs and an install ISO out.')
    .version(packageVersion())
    .showHelpAfterError('(slipway --help lists what there is)')
    .exitOverride();
  registerCheck(program);
  registerPlan(program);
  registerInit(program);
  registerSchema(program);
  registerRender(program);
  registerLint(program);
  registerIso(program);
  registerEnrol(program);
  registerRotate(program);
  registerLab(program);
  registerAudit(program);
  registerDiff(program);
  registerVerify(program);
  registerWrite(program);
  return program;
}
