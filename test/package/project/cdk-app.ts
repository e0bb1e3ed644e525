import { App, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { MapReduce } from 'serverless-mapreduce/cdk';

const app = new App();
const stack = new Stack(app, 'Analytics');
const jobs = new MapReduce(stack, 'Jobs', { jobs: 'jobs.ts', removalPolicy: RemovalPolicy.DESTROY });
jobs.grantSubmit(new Role(stack, 'Nightly', { assumedBy: new ServicePrincipal('ecs-tasks.amazonaws.com') }));
app.synth();
