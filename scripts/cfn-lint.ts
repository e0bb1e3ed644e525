/**
 * Checks the CloudFormation template of the deployment with cfn-lint, which knows the properties of every resource and the
 * rules of IAM and of state machines. It needs Python, and installs cfn-lint once.
 */
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { preparePythonEnvironment } from '../emulators/python.ts';
import { deploymentApp } from '../infra/deploy/deployment-app.ts';

/** CDK makes some resources depend on others that they refer to anyway. */
const IGNORED = ['W3005'];
/** Partitions differ in what they offer; the templates must be valid in each. */
const REGIONS = ['us-east-1', 'eu-central-1', 'us-gov-west-1', 'cn-north-1'];

const { python } = await preparePythonEnvironment({
  name: 'cfn-lint',
  requirementsFile: path.join(import.meta.dirname, 'cfn-lint-requirements.txt'),
  minors: [13, 12, 11, 10, 14],
  cost: 'about 30 s, 240 MB',
  say: (line) => console.error(line),
});
const folder = await mkdtemp(path.join(tmpdir(), 'mapreduce-cfn-lint-'));
try {
  const { stacks } = deploymentApp().synth();
  const files = await Promise.all(
    stacks.map(async ({ stackName, template }) => {
      const file = path.join(folder, `${stackName}.template.json`);
      await writeFile(file, JSON.stringify(template));
      return file;
    }),
  );
  const rules = ['--ignore-checks', ...IGNORED, '--regions', ...REGIONS];
  const { status } = spawnSync(
    path.join(path.dirname(python), 'cfn-lint'),
    [...rules, '--template', ...files],
    {
      stdio: 'inherit',
    },
  );
  process.exitCode = status ?? 1;
  if (status === 0) console.log(`cfn-lint: ${files.length} template, no findings`);
} finally {
  await rm(folder, { recursive: true, force: true });
}
