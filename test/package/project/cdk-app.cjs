const { App, Stack } = require('aws-cdk-lib');
const { MapReduce } = require('serverless-mapreduce/cdk');

const app = new App();
new MapReduce(new Stack(app, 'Analytics'), 'Jobs', { jobs: 'jobs.ts' });
app.synth();
