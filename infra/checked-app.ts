/** What cdk synthesises in a checkout: the same, held against the rules of AwsSolutions. */
import { Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { deploymentApp } from './deploy/deployment-app.ts';

const app = deploymentApp();
Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
app.synth();
