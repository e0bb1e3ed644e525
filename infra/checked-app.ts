/** The app that cdk synthesises in a checkout (cdk.json): the same, checked by the AwsSolutions rules of cdk-nag. */
import { Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { deploymentApp } from './deploy/deployment-app.ts';

const app = deploymentApp();
Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
app.synth();
